//! What the caller of this crate can do about an error.

/// The kind of an error, for callers that treat kinds differently: a command chooses its exit code by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was asked cannot be done: another value, file, circuit or profile is needed.
    Input,
    /// The machine could not do it: a program, package, network or file is missing or failed. What was asked may be right.
    Environment,
}
