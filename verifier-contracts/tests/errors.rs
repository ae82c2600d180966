//! Every error says what a caller can do about it.

use zkpoc_contracts::{CompileError, DeployError, DigestError, ErrorKind, GeneratorError, PlacesError, ToolsError};

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
