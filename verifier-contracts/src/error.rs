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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CompileError, DeployError, DigestError, GeneratorError, PlacesError, ToolsError};

    #[test]
    fn golden_kinds_of_errors() {
        assert_eq!(ToolsError::NoDataDir.kind(), ErrorKind::Environment);
        assert_eq!(CompileError::from(ToolsError::NoDataDir).kind(), ErrorKind::Environment);
        assert_eq!(CompileError::Source(String::new()).kind(), ErrorKind::Input);
        let crashed = CompileError::Crashed { status: String::new(), stderr: String::new() };
        assert_eq!(DeployError::from(crashed).kind(), ErrorKind::Environment);
        assert_eq!(DeployError::Unknown { name: String::new() }.kind(), ErrorKind::Input);
        assert_eq!(DigestError::ShardCount { got: 0 }.kind(), ErrorKind::Input);
        assert_eq!(GeneratorError::Name { name: String::new() }.kind(), ErrorKind::Input);
        assert_eq!(PlacesError::Claims { got: 257 }.kind(), ErrorKind::Input);
    }
}
