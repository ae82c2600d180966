//! Kinds of errors: what a caller can do about one.

/// What a caller can do about an error of this crate. Each error says so by `kind`, and the rest by its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The profile cannot work: change the field that the message names.
    Profile,
    /// The profile's arithmetic works, but its circuits do not fit their rows: change its shape or `k`.
    Layout,
    /// A model, shard, update or sum is not one of this profile: change that.
    Input,
    /// The step is real, but a bound that was to be proven does not hold, or cannot be proven: choose another bound.
    Bound,
}
