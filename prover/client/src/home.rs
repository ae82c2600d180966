//! The folder that holds everything a contributor must keep, for its owner alone.
//!
//! # Layout
//! ```text
//! <home>/                       mode 0700; --home, else ZKPOC_HOME, else the user's data folder
//!   srs/                        reference strings
//!   keys/                       cached proving keys
//!   datasets/<name>/            one committed dataset, see [`dataset`]
//!     dataset.json              what may be told: profile, root, commitments, counts
//!     secret/records.safetensors
//!     secret/seed               32 bytes; the blinding of every shard follows from it
//!   claims/<id>/                one prepared claim, see [`claim`]
//!     claim.json                the proof bundle
//!     secret/update.safetensors, secret/blinding   the opening of the update's commitments
//!   .lock                       held while something is written
//! ```
//!
//! # Crashes
//! A dataset or claim is written into a temporary folder and renamed when it is complete, so a crash
//! leaves nothing or the whole. The temporaries of a crashed run are removed by the next writer.
//! The caller must save a dataset before it registers it, and a claim before it sends it: then no
//! registered commitment is ever without its blinding.
//!
//! # Errors
//! [`HomeError`].

use std::fs::File;
use std::path::{Path, PathBuf};

use fs4::FileExt;

use crate::data::DataError;
use crate::formats::FormatError;
use zkpoc_circuits::ErrorKind;
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::FsError;

pub mod backup;
pub mod claim;
pub mod dataset;
pub mod journal;
pub mod seed;

pub use claim::ClaimRecord;
pub use dataset::{Dataset, DatasetManifest};
pub use seed::{blinding, Seed};

/// Environment variable that names the home.
pub const HOME_VARIABLE: &str = "ZKPOC_HOME";

/// What is wrong with the home or something in it.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// A file or folder.
    #[error(transparent)]
    File(#[from] FsError),
    /// Content that is not in its format.
    #[error("{path}: {source}", path = path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        source: Box<FormatError>,
    },
    /// Records that do not fit.
    #[error("{path}: {source}", path = path.display())]
    Data {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        source: Box<DataError>,
    },
    /// The parts of a dataset or claim disagree.
    #[error("{path}: {what}: expected {expected}, found {found}", path = path.display())]
    Mismatch {
        /// The file or folder.
        path: PathBuf,
        /// What disagrees.
        what: &'static str,
        /// What the other parts say.
        expected: String,
        /// What this one says.
        found: String,
    },
    /// A name that could leave the folder or confuse its readers.
    #[error("name {name:?}: expected 1 to 64 characters of a-z, 0-9, `-`, `_`, the first no `-`")]
    Name {
        /// The name given.
        name: String,
    },
    /// The system names no folder for user data.
    #[error("no home folder: set {HOME_VARIABLE}, or give one on the command line")]
    NoHome,
    /// Another process is writing.
    #[error("another zkpoc process is writing to {path}; wait for it to end", path = path.display())]
    Busy {
        /// The home.
        path: PathBuf,
    },
}

impl HomeError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::File(error) => error.kind(),
            Self::Data { source, .. } => source.kind(),
            Self::NoHome | Self::Busy { .. } => ErrorKind::Environment,
            _ => ErrorKind::Input,
        }
    }
}

impl HomeError {
    fn format(path: PathBuf) -> impl FnOnce(FormatError) -> Self {
        move |source| Self::Format { path, source: Box::new(source) }
    }

    fn data(path: PathBuf) -> impl FnOnce(DataError) -> Self {
        move |source| Self::Data { path, source: Box::new(source) }
    }
}

/// An open home.
#[derive(Clone, Debug)]
pub struct Home {
    root: PathBuf,
}

/// The right to write to a home; released when dropped.
#[derive(Debug)]
pub struct HomeLock {
    _file: File,
}

impl Home {
    /// Opens the home at `explicit`, else at [`HOME_VARIABLE`], else in the user's data folder;
    /// creates it if it is not there.
    pub fn open(explicit: Option<&Path>) -> Result<Self, HomeError> {
        let root = match (explicit, std::env::var_os(HOME_VARIABLE)) {
            (Some(path), _) => path.to_path_buf(),
            (None, Some(path)) if !path.is_empty() => PathBuf::from(path),
            _ => directories::ProjectDirs::from("", "", "zkpoc").ok_or(HomeError::NoHome)?.data_dir().to_path_buf(),
        };
        fsio::create_secret_dir(&root)?;
        let home = Self { root };
        for folder in [home.srs_dir(), home.keys_dir(), home.datasets_dir(), home.claims_dir()] {
            fsio::create_secret_dir(&folder)?;
        }
        // Written without the lock. What is left there only takes room.
        for folder in [home.srs_dir(), home.keys_dir(), home.finalizations_dir()] {
            if let Err(error) = fsio::sweep_old(&folder) {
                tracing::debug!(%error, "unfinished writes stay");
            }
        }
        Ok(home)
    }

    /// The home itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where reference strings are kept.
    pub fn srs_dir(&self) -> PathBuf {
        self.root.join("srs")
    }

    /// Where proving keys are cached.
    pub fn keys_dir(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// Where datasets are kept.
    pub fn datasets_dir(&self) -> PathBuf {
        self.root.join("datasets")
    }

    /// Where claims are kept.
    pub fn claims_dir(&self) -> PathBuf {
        self.root.join("claims")
    }

    /// Where finalizations are kept.
    pub fn finalizations_dir(&self) -> PathBuf {
        self.root.join("finalizations")
    }

    /// Takes the right to write, and removes what crashed writers left.
    pub fn lock(&self) -> Result<HomeLock, HomeError> {
        let path = self.root.join(".lock");
        let open = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = open.map_err(|source| FsError::Io { action: "open", path: path.clone(), source })?;
        match FileExt::try_lock(&file) {
            Ok(()) => {}
            Err(fs4::TryLockError::WouldBlock) => return Err(HomeError::Busy { path: self.root.clone() }),
            Err(fs4::TryLockError::Error(source)) => return Err(FsError::Io { action: "lock", path, source }.into()),
        }
        for folder in [self.datasets_dir(), self.claims_dir()] {
            let removed = fsio::sweep(&folder)?;
            if removed > 0 {
                tracing::warn!(folder = %folder.display(), removed, "removed unfinished writes");
            }
        }
        Ok(HomeLock { _file: file })
    }

    /// Names of the datasets, sorted.
    pub fn datasets(&self) -> Result<Vec<String>, HomeError> {
        names(&self.datasets_dir())
    }

    /// Ids of the claims, sorted.
    pub fn claims(&self) -> Result<Vec<String>, HomeError> {
        names(&self.claims_dir())
    }
}

fn names(folder: &Path) -> Result<Vec<String>, HomeError> {
    let io = |source| FsError::Io { action: "list", path: folder.to_path_buf(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if check_name(&name).is_ok() && entry.path().is_dir() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Accepts names that are safe as a folder on every system.
pub fn check_name(name: &str) -> Result<(), HomeError> {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    let good = (1..=64).contains(&name.len()) && name.bytes().all(allowed) && !name.starts_with('-');
    if good {
        Ok(())
    } else {
        Err(HomeError::Name { name: name.chars().take(80).collect() })
    }
}

#[cfg(test)]
pub(crate) mod tests;
