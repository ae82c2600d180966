//! Every error of the command, and the exit code of each: the one place where they are mapped.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | a verification failed, or a contract refused |
//! | 2 | bad input or usage: a file, a value or a combination that can be put right |
//! | 3 | the environment: a tool, a node, the disk, another process |

use std::io;
use std::path::{Path, PathBuf};

use zkpoc_circuits::grid::LayoutError;
use zkpoc_circuits::profile::ProfileError;
use zkpoc_circuits::reference::ReferenceError;
use zkpoc_contracts::tools::ToolsError;

use crate::bench::BenchError;
use crate::demo::DemoError;
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

/// What the exit code tells a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A verification failed or a contract refused.
    Refused = 1,
    /// Bad input or usage.
    Input = 2,
    /// The environment.
    Environment = 3,
}

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
    pub fn kind(&self) -> Kind {
        match self {
            Self::Verify { .. } | Self::Deployed { .. } | Self::Watch { .. } => Kind::Refused,
            Self::Chain(error) => of_chain(error),
            Self::Contracts(error) => of_contracts(error),
            Self::Attest(error) => of_attest(error),
            Self::Contribute(error) => of_contribute(error),
            Self::Vana(error) => of_vana(error),
            Self::Opening(error) => of_opening(error),
            Self::Demo(error) => of_demo(error),
            Self::Bench(error) => of_bench(error),
            Self::File(error) => of_file(error),
            Self::Srs(SrsError::File(error)) => of_file(error),
            Self::Data(error) => of_data(error),
            Self::Home(error) => of_home(error),
            Self::Backup(error) => of_backup(error),
            Self::Key(KeyError::File(error)) => of_file(error),
            Self::Key(KeyError::Keygen { .. }) => Kind::Environment,
            Self::Prove(ProveError::SelfCheck { .. } | ProveError::Engine { .. }) => Kind::Environment,
            Self::Tools(_) | Self::Threads { .. } => Kind::Environment,
            Self::Srs(_)
            | Self::Format { .. }
            | Self::Key(_)
            | Self::Prove(_)
            | Self::Reference(_)
            | Self::Profile { .. }
            | Self::Layout { .. }
            | Self::Commit(_)
            | Self::Mismatch { .. }
            | Self::Usage(_) => Kind::Input,
        }
    }

    /// 1, 2 or 3.
    pub fn exit_code(&self) -> u8 {
        self.kind() as u8
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

fn of_bench(error: &BenchError) -> Kind {
    match error {
        BenchError::Run { .. } | BenchError::Program { .. } => Kind::Environment,
        _ => Kind::Input,
    }
}

impl From<DemoError> for Error {
    fn from(error: DemoError) -> Self {
        Self::Demo(Box::new(error))
    }
}

fn of_chain(error: &ChainError) -> Kind {
    match error {
        ChainError::File(error) | ChainError::Srs(SrsError::File(error)) => of_file(error),
        error if error.is_refusal() => Kind::Refused,
        error if error.is_environment() => Kind::Environment,
        _ => Kind::Input,
    }
}

fn of_contracts(error: &ContractsError) -> Kind {
    match error {
        ContractsError::File(error) => of_file(error),
        ContractsError::Compile(_) => Kind::Environment,
        _ => Kind::Input,
    }
}

fn of_attest(error: &AttestError) -> Kind {
    match error {
        AttestError::File(error) => of_file(error),
        AttestError::Busy { .. } => Kind::Environment,
        AttestError::Duplicate { .. } | AttestError::Commitment { .. } => Kind::Refused,
        _ => Kind::Input,
    }
}

fn of_contribute(error: &ContributeError) -> Kind {
    match error {
        ContributeError::Chain(error) => of_chain(error),
        ContributeError::Home(error) => of_home(error),
        ContributeError::Attest(error) => of_attest(error),
        ContributeError::Opening(error) => of_opening(error),
        ContributeError::File(error) => of_file(error),
        ContributeError::Key(KeyError::File(error)) => of_file(error),
        ContributeError::Key(KeyError::Keygen { .. })
        | ContributeError::Prove(ProveError::SelfCheck { .. } | ProveError::Engine { .. }) => Kind::Environment,
        _ => Kind::Input,
    }
}

fn of_vana(error: &VanaError) -> Kind {
    match error {
        VanaError::Chain(error) => of_chain(error),
        VanaError::Contribute(error) => of_contribute(error),
        VanaError::Contracts(error) => of_contracts(error),
        VanaError::Compile(_) | VanaError::NoEvent { .. } => Kind::Environment,
        VanaError::Used { .. } | VanaError::NotProven { .. } => Kind::Refused,
        _ => Kind::Input,
    }
}

fn of_opening(error: &OpeningError) -> Kind {
    match error {
        OpeningError::File(error) => of_file(error),
        error if error.is_refusal() => Kind::Refused,
        error if error.is_environment() => Kind::Environment,
        _ => Kind::Input,
    }
}

fn of_demo(error: &DemoError) -> Kind {
    match error {
        DemoError::Child { code: 1, .. } => Kind::Refused,
        DemoError::Child { code: 2, .. } => Kind::Input,
        DemoError::Tools(_) | DemoError::Node(_) | DemoError::Child { .. } | DemoError::Interrupted => {
            Kind::Environment
        }
        DemoError::Answer { .. } | DemoError::Program(_) => Kind::Environment,
        DemoError::Chain(error) => of_chain(error),
        DemoError::Contracts(error) => of_contracts(error),
        DemoError::Contribute(error) => of_contribute(error),
        DemoError::Vana(error) => of_vana(error),
        DemoError::Records(error) => of_data(error),
        DemoError::File(error) | DemoError::Srs(SrsError::File(error)) | DemoError::Key(KeyError::File(error)) => {
            of_file(error)
        }
        DemoError::Claims { .. }
        | DemoError::Dropped { .. }
        | DemoError::Data { .. }
        | DemoError::Srs(_)
        | DemoError::Key(_) => Kind::Input,
    }
}

/// A path that is wrong is input; a disk that fails is not.
fn of_file(error: &FsError) -> Kind {
    match error {
        FsError::Io { source, .. } => match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => Kind::Input,
            _ => Kind::Environment,
        },
        _ => Kind::Input,
    }
}

fn of_data(error: &DataError) -> Kind {
    match error {
        DataError::File(error) => of_file(error),
        _ => Kind::Input,
    }
}

fn of_home(error: &HomeError) -> Kind {
    match error {
        HomeError::File(error) => of_file(error),
        HomeError::Data { source, .. } => of_data(source),
        HomeError::NoHome | HomeError::Busy { .. } => Kind::Environment,
        _ => Kind::Input,
    }
}

fn of_backup(error: &BackupError) -> Kind {
    match error {
        BackupError::File(error) => of_file(error),
        BackupError::Home(error) => of_home(error),
        BackupError::Encrypt(_) => Kind::Environment,
        _ => Kind::Input,
    }
}
