//! Every error of the command, and the exit code of each: the one place where they are mapped.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | a verification failed, or a contract refused |
//! | 2 | bad input or usage: a file, a value or a combination that can be put right |
//! | 3 | the environment: a tool, a node, the disk, another process |

use std::path::{Path, PathBuf};

use zkpoc_circuits::grid::LayoutError;
use zkpoc_circuits::profile::ProfileError;
use zkpoc_circuits::reference::ReferenceError;
use zkpoc_contracts::tools::ToolsError;

use crate::bench::BenchError;
use crate::demo::DemoError;
use zkpoc_circuits::ErrorKind;
use zkpoc_client::attest::AttestError;
use zkpoc_client::chain::ChainError;
use zkpoc_client::contracts_gen::ContractsError;
use zkpoc_client::contribute::ContributeError;
use zkpoc_client::data::DataError;
use zkpoc_client::exchange::OpeningError;
use zkpoc_client::formats::FormatError;
use zkpoc_client::home::backup::BackupError;
use zkpoc_client::home::HomeError;
use zkpoc_client::vana::VanaError;
use zkpoc_prover::commit::CommitError;
use zkpoc_prover::fsio::FsError;
use zkpoc_prover::keys::KeyError;
use zkpoc_prover::prove::ProveError;
use zkpoc_prover::srs::SrsError;
use zkpoc_prover::verify::VerifyError;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder.
    #[error(transparent)]
    File(#[from] FsError),
    /// An SRS.
    #[error(transparent)]
    Srs(#[from] SrsError),
    /// Records.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Content that is not in its format.
    #[error("{path}: {source}", path = path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        source: Box<FormatError>,
    },
    /// The home or something in it.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A backup.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A proof was not made.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// A proof was refused.
    #[error("{path}: {source}", path = path.display())]
    Verify {
        /// The proof's file.
        path: PathBuf,
        /// Why.
        source: VerifyError,
    },
    /// A model, shard or update does not fit.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// A profile that cannot be read or cannot work.
    #[error("profile {profile}: {source}")]
    Profile {
        /// Its name or file.
        profile: String,
        /// Why.
        source: ProfileError,
    },
    /// A profile without a layout.
    #[error("profile {profile}: {source}")]
    Layout {
        /// Its name.
        profile: String,
        /// Why.
        source: LayoutError,
    },
    /// Columns and parameters of two sizes.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A tool that is not installed and cannot be.
    #[error(transparent)]
    Tools(#[from] ToolsError),
    /// A chain, its node, or a contract.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Contracts could not be generated or compiled.
    #[error(transparent)]
    Contracts(#[from] ContractsError),
    /// A deployed pool is not the one that is generated here.
    #[error("the deployed pool differs in {differences} places, first in {what}: {found}")]
    Deployed {
        /// The first difference.
        what: String,
        /// How many there are.
        differences: usize,
        /// All of them.
        found: String,
    },
    /// An attestation.
    #[error(transparent)]
    Attest(#[from] AttestError),
    /// A contributor's step.
    #[error(transparent)]
    Contribute(#[from] ContributeError),
    /// A pool of Vana's.
    #[error(transparent)]
    Vana(#[from] VanaError),
    /// An opening of an update, or the place it is in.
    #[error(transparent)]
    Opening(#[from] OpeningError),
    /// The demo.
    #[error(transparent)]
    Demo(#[from] Box<DemoError>),
    /// A measurement.
    #[error(transparent)]
    Bench(Box<BenchError>),
    /// Something that was asked for disagrees with something at hand.
    #[error("{what}: expected {expected}, found {found}; {hint}")]
    Mismatch {
        /// What disagrees.
        what: String,
        /// What belongs there.
        expected: String,
        /// What is there.
        found: String,
        /// What to do.
        hint: String,
    },
    /// Proofs that the chain accepted and this program does not.
    #[error("{bad} proofs that the chain accepted do not hold here; see above")]
    Watch {
        /// Their number.
        bad: u64,
    },
    /// Anything else about the command line.
    #[error("{0}")]
    Usage(String),
    /// The threads could not be started.
    #[error("cannot start {threads} threads: {reason}; choose another --threads")]
    Threads {
        /// How many.
        threads: usize,
        /// Why not.
        reason: String,
    },
}

impl Error {
    /// What is wrong with the content of a file.
    pub fn format(path: &Path) -> impl FnOnce(FormatError) -> Self + '_ {
        move |source| Self::Format { path: path.to_path_buf(), source: Box::new(source) }
    }

    /// Why the proof in a file is refused.
    pub fn verify(path: &Path) -> impl FnOnce(VerifyError) -> Self + '_ {
        move |source| Self::Verify { path: path.to_path_buf(), source }
    }

    /// The kind, and with it the exit code.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Verify { .. } | Self::Deployed { .. } | Self::Watch { .. } => ErrorKind::Refused,
            Self::Chain(error) => error.kind(),
            Self::Contracts(error) => error.kind(),
            Self::Attest(error) => error.kind(),
            Self::Contribute(error) => error.kind(),
            Self::Vana(error) => error.kind(),
            Self::Opening(error) => error.kind(),
            Self::Data(error) => error.kind(),
            Self::Home(error) => error.kind(),
            Self::Backup(error) => error.kind(),
            Self::Demo(error) => error.kind(),
            Self::Bench(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::Srs(error) => error.kind(),
            Self::Key(error) => error.kind(),
            Self::Prove(error) => error.kind(),
            Self::Reference(error) => error.kind(),
            Self::Profile { source, .. } => source.kind(),
            Self::Layout { source, .. } => source.kind(),
            Self::Commit(error) => error.kind(),
            Self::Tools(error) => error.kind(),
            Self::Format { source, .. } => source.kind(),
            Self::Threads { .. } => ErrorKind::Environment,
            Self::Mismatch { .. } | Self::Usage(_) => ErrorKind::Input,
        }
    }

    /// 1, 2 or 3.
    pub fn exit_code(&self) -> u8 {
        match self.kind() {
            ErrorKind::Refused => 1,
            ErrorKind::Environment => 3,
            // Profiles, layouts, bounds, files and values: something that was given can be put right.
            _ => 2,
        }
    }

    /// The error in words, and which command or flag helps. The crates below know of neither.
    pub fn text(&self) -> String {
        let text = self.to_string();
        match self.hint() {
            // What a step of the demo said has its hint already.
            Some(hint) if !text.contains(hint) => format!("{text}; {hint}"),
            _ => text,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Srs(error) => of_srs(error),
            Self::Prove(error) => of_prove(error),
            Self::Chain(error) => of_chain(error),
            Self::Contribute(error) => of_contribute(error),
            Self::Vana(error) => of_vana(error),
            Self::Demo(error) => match &**error {
                DemoError::Srs(error) => of_srs(error),
                DemoError::Chain(error) => of_chain(error),
                DemoError::Contribute(error) => of_contribute(error),
                DemoError::Vana(error) => of_vana(error),
                _ => None,
            },
            _ => None,
        }
    }
}

fn of_srs(error: &SrsError) -> Option<&'static str> {
    match error {
        SrsError::InsecureOnChain { .. } => Some("import a ceremony file with `srs import`"),
        _ => None,
    }
}

fn of_prove(error: &ProveError) -> Option<&'static str> {
    match error {
        ProveError::SelfCheck { .. } | ProveError::NextModel => {
            Some("make them anew with `zkpoc keys PROFILE --remake`")
        }
        _ => None,
    }
}

fn of_chain(error: &ChainError) -> Option<&'static str> {
    match error {
        ChainError::Node { .. } => Some("check --rpc-url and that the node runs"),
        ChainError::NoKey => Some("set ZKPOC_PRIVATE_KEY or give --keystore FILE"),
        ChainError::NoPool { .. } => Some("run `zkpoc contracts deploy`"),
        ChainError::PoolExists { .. } => Some("--replace forgets it"),
        ChainError::Srs(error) => of_srs(error),
        ChainError::Refused { revert, .. } => of_refusal(&revert.name),
        _ => None,
    }
}

/// By the name of the contract's error.
fn of_refusal(name: &str) -> Option<&'static str> {
    match name {
        "ZkPocRoundsAcknowledged" => Some("claimants sign with `zkpoc round ack`"),
        "ZkPocRoundsNotSealed" => Some("run `zkpoc round seal`"),
        "ZkPocRoundsNotValidated" => Some("run `zkpoc dataset validate`"),
        "ZkPocAggregationNotProven" => Some("`zkpoc round dispute` does it"),
        _ => None,
    }
}

fn of_contribute(error: &ContributeError) -> Option<&'static str> {
    match error {
        ContributeError::Chain(error) => of_chain(error),
        ContributeError::Prove(error) => of_prove(error),
        ContributeError::NoRound => Some("with `zkpoc round open`"),
        ContributeError::OtherModel { .. } => Some("--exchange fetches it from where it is published"),
        ContributeError::StoredMode { .. } | ContributeError::Phases { .. } => {
            Some("a claim is plain with --plain, and masked without")
        }
        ContributeError::NoOpenings { .. } => Some("is --exchange where the claimants publish?"),
        _ => None,
    }
}

fn of_vana(error: &VanaError) -> Option<&'static str> {
    match error {
        VanaError::Chain(error) => of_chain(error),
        VanaError::Contribute(error) => of_contribute(error),
        VanaError::Adapter { .. } => Some("is --adapter of this deployment and profile?"),
        VanaError::OtherModel { .. } => Some("give that seed with --model-seed"),
        _ => None,
    }
}

impl From<BenchError> for Error {
    fn from(error: BenchError) -> Self {
        match error {
            BenchError::Srs(error) => error.into(),
            BenchError::Key(error) => error.into(),
            BenchError::Prove(error) => error.into(),
            BenchError::Reference(error) => error.into(),
            BenchError::Commit(error) => error.into(),
            BenchError::File(error) => error.into(),
            other => Self::Bench(Box::new(other)),
        }
    }
}

impl From<DemoError> for Error {
    fn from(error: DemoError) -> Self {
        Self::Demo(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zkpoc_client::chain::Revert;

    fn refused(name: &str) -> ChainError {
        let revert = Box::new(Revert { name: name.into(), ..Revert::decode(&[]) });
        ChainError::Refused { what: "claim".into(), revert }
    }

    #[test]
    fn every_kind_has_its_exit_code() {
        let (what, url, reason) = (String::new(), String::new(), String::new());
        assert_eq!(Error::from(refused("ZkPocRoundsFull")).exit_code(), 1);
        assert_eq!(Error::from(ContributeError::NoRound).exit_code(), 2);
        assert_eq!(Error::from(ChainError::Node { what, url, reason }).exit_code(), 3);
        let (who, command, status) = (String::new(), String::new(), String::new());
        let child = |code| DemoError::Child {
            who: who.clone(),
            command: command.clone(),
            status: status.clone(),
            output: String::new(),
            code,
        };
        assert_eq!([1, 2, 3, 101].map(|code| Error::from(child(code)).exit_code()), [1, 2, 3, 3]);
    }

    #[test]
    fn hints_come_through_every_layer() {
        let sealed = || refused("ZkPocRoundsNotSealed");
        for error in [
            Error::from(sealed()),
            Error::from(ContributeError::from(sealed())),
            Error::from(VanaError::from(ContributeError::from(sealed()))),
            Error::from(DemoError::from(sealed())),
        ] {
            assert!(error.text().ends_with("; run `zkpoc round seal`"), "{}", error.text());
            assert!(!error.to_string().contains("zkpoc round"), "{error}");
        }
        assert!(!Error::from(refused("ZkPocRoundsFull")).text().contains(';'));
    }

    #[test]
    fn a_hint_is_given_once() {
        let error = Error::from(SrsError::InsecureOnChain { chain_id: 1 });
        assert_eq!(error.text().matches("srs import").count(), 1, "{}", error.text());
    }
}
