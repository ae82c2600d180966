//! Every error says what a caller can do about it, through every layer.

use crate::chain::{signer, ChainError};
use crate::contribute::ContributeError;
use crate::home::{Home, HomeError};
use crate::vana::VanaError;
use zkpoc_circuits::ErrorKind;
use zkpoc_prover::fsio::FsError;

#[test]
fn kinds_come_through_every_layer() {
    let failed = |source: std::io::ErrorKind| FsError::Io { action: "read", path: "x".into(), source: source.into() };
    for (source, kind) in [
        (std::io::ErrorKind::NotFound, ErrorKind::Input),
        (std::io::ErrorKind::PermissionDenied, ErrorKind::Environment),
    ] {
        let home = HomeError::File(failed(source));
        assert_eq!(home.kind(), kind);
        assert_eq!(VanaError::from(ContributeError::from(home)).kind(), kind);
        assert_eq!(ContributeError::from(ChainError::from(failed(source))).kind(), kind);
    }
    let (what, reason, url) = (String::new(), String::new(), String::new());
    let away = VanaError::from(ContributeError::from(ChainError::Node { what, url, reason }));
    assert_eq!(away.kind(), ErrorKind::Environment);
    assert_eq!(VanaError::from(ChainError::NoKey).kind(), ErrorKind::Input);
    assert!(ChainError::NoKey.to_string().contains(signer::KEY_VARIABLE));
}

#[test]
fn a_wrong_name_is_input() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = Home::open(Some(folder.path())).expect("a home");
    assert_eq!(home.load_manifest("../x").expect_err("no name").kind(), ErrorKind::Input);
}
