//! What a caller can do about an error of this crate.

use std::io;

use zkpoc_prover::fsio::FsError;
use zkpoc_prover::keys::KeyError;
use zkpoc_prover::prove::ProveError;
use zkpoc_prover::srs::SrsError;

/// The kind of an error, for callers that treat kinds differently: a command chooses its exit code by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A verification failed, or a contract or a server refused.
    Refused,
    /// What was asked cannot be done: another file, value or combination is needed.
    Input,
    /// The surroundings failed: a program, a node, the network, the disk, another process. What was asked may be right.
    Environment,
}

impl ErrorKind {
    /// Of a file: a path that is wrong is input; a disk that fails is not.
    pub fn of_file(error: &FsError) -> Self {
        match error {
            FsError::Io { source, .. } => match source.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => Self::Input,
                _ => Self::Environment,
            },
            _ => Self::Input,
        }
    }

    /// Of an SRS.
    pub fn of_srs(error: &SrsError) -> Self {
        match error {
            SrsError::File(error) => Self::of_file(error),
            _ => Self::Input,
        }
    }

    /// Of a proving or verifying key.
    pub fn of_key(error: &KeyError) -> Self {
        match error {
            KeyError::File(error) => Self::of_file(error),
            KeyError::Keygen { .. } => Self::Environment,
            _ => Self::Input,
        }
    }

    /// Of a proof that was not made.
    pub fn of_prove(error: &ProveError) -> Self {
        match error {
            ProveError::SelfCheck { .. } | ProveError::Engine { .. } => Self::Environment,
            _ => Self::Input,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorKind;
    use crate::chain::{signer, ChainError};
    use crate::contribute::ContributeError;
    use crate::home::{Home, HomeError};
    use crate::vana::VanaError;
    use zkpoc_prover::fsio::FsError;

    #[test]
    fn kinds_come_through_every_layer() {
        let failed =
            |source: std::io::ErrorKind| FsError::Io { action: "read", path: "x".into(), source: source.into() };
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
}
