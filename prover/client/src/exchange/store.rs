//! A folder of openings, models and acknowledgements.
//!
//! # Layout
//! One folder for each [`Kind`], one file for each [`Item`]; see [`item`](super::item). The folder of openings has mode
//! 0700 and its files 0600. Files appear whole or not at all, and are never replaced: a second, different content for a
//! name is refused.
//!
//! # Checks
//! An opening or share is put and read only under the id that its own header claims. That the header is right, so that the
//! content opens the commitments of this id, is checked by whoever has an SRS: [`Checker::read`](super::Checker::read).
//! Links are not followed, files above the limit of their kind are not read, and nothing but files that are named like
//! an item is listed.
//!
//! # Errors
//! [`OpeningError`].

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::{update, Item, Kind, Limits, OpeningError};
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::{FsError, Overwrite};

/// The most that a folder takes of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Number of files.
    pub files: usize,
    /// Their length together, bytes.
    pub bytes: u64,
}

impl Default for Quota {
    fn default() -> Self {
        Self { files: 4096, bytes: 1 << 30 }
    }
}

/// What came of a [`Folder::put`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is stored now.
    Stored,
    /// The same bytes were there already.
    Present,
}

/// A folder.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
    limits: Limits,
    quota: Option<Quota>,
    writing: Arc<Mutex<()>>,
}

impl Folder {
    /// A folder that is there.
    pub fn open(root: &Path, limits: Limits) -> Result<Self, OpeningError> {
        let meta = fs::metadata(root).map_err(io("open the folder", root))?;
        if !meta.is_dir() {
            return Err(io("open the folder", root)(std::io::ErrorKind::NotADirectory.into()).into());
        }
        // They would count as files until the end of time.
        for kind in Kind::ALL {
            if let Err(error) = fsio::sweep_old(&root.join(kind.name())) {
                tracing::debug!(%error, "unfinished writes stay");
            }
        }
        Ok(Self { root: root.to_path_buf(), limits, quota: None, writing: Arc::default() })
    }

    /// A folder that is there or is made now.
    pub fn create(root: &Path, limits: Limits) -> Result<Self, OpeningError> {
        fs::create_dir_all(root).map_err(io("create the folder", root))?;
        Self::open(root, limits)
    }

    /// The same folder, which takes new files up to a quota only. Clones share the lock under which it is counted;
    /// other processes do not.
    #[must_use]
    pub fn with_quota(mut self, quota: Quota) -> Self {
        self.quota = Some(quota);
        self
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The limits on files.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Where an item is, or would be.
    pub fn path(&self, item: &Item) -> PathBuf {
        self.root.join(item.kind().name()).join(item.file_name())
    }

    /// Reads an item; `None` if it is not there.
    pub fn get(&self, item: &Item) -> Result<Option<Zeroizing<Vec<u8>>>, OpeningError> {
        let path = self.path(item);
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_file() => {}
            Ok(_) => return Err(FsError::NotAFile { path }.into()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io("look at", &path)(error).into()),
        }
        let limit = self.limits.get(item.kind());
        let bytes = match item.kind().is_secret() {
            true => fsio::read_secret(&path, limit)?,
            false => Zeroizing::new(fsio::read(&path, limit)?),
        };
        check_name(item, &path.display().to_string(), &bytes)?;
        Ok(Some(bytes))
    }

    /// Stores an item. The caller has made it, or has checked it.
    pub fn put(&self, item: &Item, bytes: &[u8]) -> Result<Put, OpeningError> {
        let (kind, path) = (item.kind(), self.path(item));
        let (limit, actual) = (self.limits.get(kind), bytes.len() as u64);
        if actual > limit {
            return Err(FsError::TooLarge { path, limit, actual }.into());
        }
        check_name(item, &format!("content for {item}"), bytes)?;
        let folder = self.root.join(kind.name());
        match kind.is_secret() {
            true => fsio::create_secret_dir(&folder)?,
            false => fs::create_dir_all(&folder).map_err(io("create the folder", &folder))?,
        }
        // A writer that panicked has left whole files only.
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(present) = self.get(item)? {
            return same(item, &present, bytes);
        }
        if let Some(quota) = self.quota {
            let (files, used) = usage(&folder)?;
            if files >= quota.files {
                return Err(OpeningError::Full { kind, what: "files", limit: quota.files as u64 });
            }
            if used.saturating_add(actual) > quota.bytes {
                return Err(OpeningError::Full { kind, what: "bytes", limit: quota.bytes });
            }
        }
        let written = match kind.is_secret() {
            true => fsio::write_secret(&path, bytes, Overwrite::Refuse),
            false => fsio::write(&path, bytes, Overwrite::Refuse),
        };
        match written {
            Ok(()) => Ok(Put::Stored),
            // Another process was faster.
            Err(error @ FsError::Exists { .. }) => match self.get(item)? {
                Some(present) => same(item, &present, bytes),
                None => Err(error.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// The items of a kind, sorted.
    pub fn list(&self, kind: Kind) -> Result<Vec<Item>, OpeningError> {
        let folder = self.root.join(kind.name());
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io("list", &folder)(error).into()),
        };
        let mut items = Vec::new();
        for entry in entries {
            let entry = entry.map_err(io("list", &folder))?;
            let item = entry.file_name().to_str().and_then(|name| Item::of_file_name(kind, name));
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            items.extend(item.filter(|_| is_file));
        }
        items.sort();
        Ok(items)
    }
}

/// An opening or share is stored under the id in its header; other kinds say nothing about their names.
pub(super) fn check_name(item: &Item, origin: &str, bytes: &[u8]) -> Result<(), OpeningError> {
    let (expected, found) = match *item {
        Item::Opening(expected) => (expected, update::peek(bytes).map(|header| header.update_id)),
        Item::Share(expected) => (expected, crate::exchange::share::peek(bytes)),
        _ => return Ok(()),
    };
    let found = found.map_err(OpeningError::format(origin))?;
    match found == expected {
        true => Ok(()),
        false => Err(OpeningError::Id { origin: origin.to_owned(), expected, found }),
    }
}

fn same(item: &Item, present: &[u8], bytes: &[u8]) -> Result<Put, OpeningError> {
    match present == bytes {
        true => Ok(Put::Present),
        false => Err(OpeningError::Conflict { item: *item }),
    }
}

/// Number and length of all files in a folder, unfinished ones included.
fn usage(folder: &Path) -> Result<(usize, u64), OpeningError> {
    let (mut files, mut bytes) = (0usize, 0u64);
    for entry in fs::read_dir(folder).map_err(io("list", folder))? {
        let entry = entry.map_err(io("list", folder))?;
        files = files.saturating_add(1);
        bytes = bytes.saturating_add(entry.metadata().map_or(0, |meta| meta.len()));
    }
    Ok((files, bytes))
}

fn io<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> FsError + 'a {
    move |source| FsError::Io { action, path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests;
