//! Every error of the prover and its engine says what a caller can do about it.

use std::io;

use zkpoc_circuits::round::RoundError;
use zkpoc_engine::encoding::{PointError, ScalarError};
use zkpoc_engine::transcript::TranscriptError;
use zkpoc_engine::{EngineError, MemoryError, ShapeError};

use crate::blinding::ScriptError;
use crate::commit::CommitError;
use crate::fsio::FsError;
use crate::link::LinkError;
use crate::statement::{StatementFile, TrainingStatement};
use crate::{CircuitKind, ErrorKind, KeyError, Profile, ProveError, Srs, SrsError, VerifyError};

fn failed(kind: io::ErrorKind) -> FsError {
    FsError::Io { action: "read", path: "x".into(), source: kind.into() }
}

#[test]
fn golden_kinds_of_what_the_engine_refuses() {
    assert_eq!(PointError::Identity.kind(), ErrorKind::Input);
    assert_eq!(ScalarError.kind(), ErrorKind::Input);
    assert_eq!(TranscriptError::Identity.kind(), ErrorKind::Refused);
    assert_eq!(ShapeError::Unqueried { kind: "advice", column: 0 }.kind(), ErrorKind::Layout);
    assert_eq!(EngineError::NoWitness.kind(), ErrorKind::Input);
    assert_eq!(EngineError::from(io::Error::from(TranscriptError::Identity)).kind(), ErrorKind::Environment);
    assert_eq!(MemoryError { least: 2, limit: 1 }.kind(), ErrorKind::Input);
}

#[test]
fn kinds_of_files_come_through_keys_and_reference_strings() {
    for (source, kind) in
        [(io::ErrorKind::NotFound, ErrorKind::Input), (io::ErrorKind::PermissionDenied, ErrorKind::Environment)]
    {
        assert_eq!(failed(source).kind(), kind);
        assert_eq!(KeyError::from(failed(source)).kind(), kind);
        assert_eq!(SrsError::from(failed(source)).kind(), kind);
    }
    assert_eq!(FsError::NotAFile { path: "x".into() }.kind(), ErrorKind::Input);
    assert_eq!(SrsError::InsecureOnChain { chain_id: 1 }.kind(), ErrorKind::Input);
    assert_eq!(Srs::dev_insecure(0).unwrap_err().kind(), ErrorKind::Input);
    let keygen = KeyError::Keygen { profile: String::new(), circuit: CircuitKind::Round, reason: String::new() };
    assert_eq!(keygen.kind(), ErrorKind::Environment);
}

#[test]
fn kinds_of_a_proof_that_is_not_made_tell_the_asked_from_the_broken() {
    let layout = Profile { k: 4, ..Profile::builtin("toy").unwrap() };
    let layout = crate::Grid::new(&layout).unwrap_err();
    assert_eq!(ProveError::Layout(layout).kind(), ErrorKind::Layout);
    assert_eq!(ProveError::from(CommitError::Row { rows: 1, row: 1 }).kind(), ErrorKind::Input);
    assert_eq!(ProveError::from(ScriptError { actual: 1 }).kind(), ErrorKind::Layout);
    assert_eq!(ProveError::from(MemoryError { least: 2, limit: 1 }).kind(), ErrorKind::Input);
    assert_eq!(ProveError::from(RoundError::Tails { columns: 1, got: Vec::new() }).kind(), ErrorKind::Input);
    for damaged in [ProveError::NextModel, ProveError::SelfCheck { source: VerifyError::Invalid }] {
        assert_eq!(damaged.kind(), ErrorKind::Environment);
    }
    assert_eq!(ProveError::NotRegistered.kind(), ErrorKind::Input);
}

#[test]
fn kinds_of_a_proof_that_is_read_are_refusals() {
    assert_eq!(VerifyError::Invalid.kind(), ErrorKind::Refused);
    assert_eq!(LinkError::NotLinked.kind(), ErrorKind::Input);
    assert_eq!(LinkError::Invalid.kind(), ErrorKind::Refused);
    assert_eq!(LinkError::Length { actual: 1 }.kind(), ErrorKind::Refused);
    let unread = StatementFile::<TrainingStatement>::from_json(b"{").unwrap_err();
    assert_eq!(unread.kind(), ErrorKind::Input);
}
