//! Kinds of errors: what a caller can do about one.

/// What a caller can do about an error. Every error of every crate says so by its method `kind`, and the rest by its message;
/// a program chooses its exit code by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The profile cannot work: change the field that the message names.
    Profile,
    /// The profile's arithmetic works, but its circuits do not fit their rows: change its shape or `k`.
    Layout,
    /// The step is real, but a bound that was to be proven does not hold, or cannot be proven: choose another bound.
    Bound,
    /// What was asked cannot be done: another file, value or combination is needed.
    Input,
    /// A verification failed, or a contract or a server refused.
    Refused,
    /// The surroundings failed: a program, a node, the network, the disk, memory, another process. What was asked may be right.
    Environment,
}
