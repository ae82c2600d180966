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

use crate::backup::BackupError;
use crate::commit::CommitError;
use crate::data::DataError;
use crate::formats::FormatError;
use crate::fsio::FsError;
use crate::home::HomeError;
use crate::keys::KeyError;
use crate::prove::ProveError;
use crate::srs::SrsError;
use crate::verify::VerifyError;

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
            Self::Verify { .. } => Kind::Refused,
            Self::File(error) => of_file(error),
            Self::Srs(SrsError::File(error)) => of_file(error),
            Self::Data(error) => of_data(error),
            Self::Home(error) => of_home(error),
            Self::Backup(error) => of_backup(error),
            Self::Key(KeyError::File(error)) => of_file(error),
            Self::Key(KeyError::Keygen { .. }) => Kind::Environment,
            Self::Prove(ProveError::SelfCheck { .. } | ProveError::Backend { .. }) => Kind::Environment,
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
