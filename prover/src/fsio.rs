//! Files: atomic writes, owner-only secrets, bounded reads.
//!
//! A write goes to a temporary name in the same folder, is flushed to the disk, and is renamed; the
//! folder is flushed after it. So a crash leaves the old content, or the new one, or a stray
//! temporary (named with [`STAGING_PREFIX`], removed by [`sweep`] and [`sweep_old`]), and never half a
//! file. A whole folder is written the same way by [`StagedDir`].
//!
//! Only regular files are read and replaced: a pipe or a device in the place of a file would block,
//! never end, or be lost. Memory is asked for before a file is read, and its lack is an error.
//!
//! # Secrets
//! Secret files have mode 0600 and secret folders 0700. [`read_secret`] refuses a file that other
//! users can open, and returns memory that is wiped when dropped. On systems without Unix modes the
//! protection is that of the user's own folder.
//!
//! # Errors
//! [`FsError`]; each names the path, and says what was expected where something was.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;
use zkpoc_circuits::ErrorKind;

/// First characters of every temporary name.
pub const STAGING_PREFIX: &str = ".zkpoc-tmp-";
/// No write takes so long.
pub const STAGING_AGE: Duration = Duration::from_secs(3600);

/// What went wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum FsError {
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The target is there already and the caller did not ask to replace it.
    #[error("{path} exists already; move it away, or ask to replace it", path = path.display())]
    Exists {
        /// The existing path.
        path: PathBuf,
    },
    /// The file is larger than anything this program would write there.
    #[error("{path} has {actual} bytes, at most {limit} are expected", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Largest accepted length, bytes.
        limit: u64,
        /// Its length, bytes (a lower bound if it grew while read).
        actual: u64,
    },
    /// A folder, a device or a socket where a file is expected.
    #[error("{path} is not a regular file", path = path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A secret that other users of the machine can open.
    #[error(
        "{path} holds secrets but has mode {mode:03o}; make it private with `chmod {expected:03o}`, \
         and treat its content as known to the other users of this machine",
        path = path.display()
    )]
    Exposed {
        /// The file or folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// The permission bits it should have.
        expected: u32,
    },
}

impl FsError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { source, .. } => match source.kind() {
                // A path that is wrong is input; a disk that fails is not.
                io::ErrorKind::NotFound | io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => {
                    ErrorKind::Input
                }
                _ => ErrorKind::Environment,
            },
            _ => ErrorKind::Input,
        }
    }
}

impl FsError {
    /// True if the path does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

fn io_error<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> FsError + 'a {
    move |source| FsError::Io { action, path: path.to_path_buf(), source }
}

/// What to do when the target exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// Refuse with [`FsError::Exists`].
    Refuse,
    /// Replace it in one step.
    Replace,
}

/// Writes a file that everybody may read.
pub fn write(path: &Path, bytes: &[u8], overwrite: Overwrite) -> Result<(), FsError> {
    write_with_mode(path, bytes, overwrite, 0o644)
}

/// Writes a file that only its owner may read.
pub fn write_secret(path: &Path, bytes: &[u8], overwrite: Overwrite) -> Result<(), FsError> {
    write_with_mode(path, bytes, overwrite, 0o600)
}

fn write_with_mode(path: &Path, bytes: &[u8], overwrite: Overwrite, mode: u32) -> Result<(), FsError> {
    let folder = parent(path);
    // A rename would put the file in the place of a device, too.
    if path.symlink_metadata().is_ok_and(|meta| !meta.is_file() && !meta.is_symlink()) {
        return Err(FsError::NotAFile { path: path.to_path_buf() });
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(STAGING_PREFIX);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = mode;
    let mut staged = builder.tempfile_in(folder).map_err(io_error("create a file in", folder))?;
    staged.write_all(bytes).map_err(io_error("write", path))?;
    staged.as_file().sync_all().map_err(io_error("flush", path))?;
    let renamed = match overwrite {
        Overwrite::Replace => staged.persist(path),
        Overwrite::Refuse => staged.persist_noclobber(path),
    };
    renamed.map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => FsError::Exists { path: path.to_path_buf() },
        _ => FsError::Io { action: "rename a finished file to", path: path.to_path_buf(), source: error.error },
    })?;
    sync_dir(folder)
}

/// Creates a folder and those above it; the last one is for the owner alone.
///
/// An existing folder that others can enter is closed to them.
pub fn create_secret_dir(path: &Path) -> Result<(), FsError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io_error("create the folder", path))?;
        let mode = fs::metadata(path).map_err(io_error("look at", path))?.permissions().mode();
        if mode & 0o077 != 0 {
            fs::set_permissions(path, PermissionsExt::from_mode(0o700)).map_err(io_error("make private", path))?;
        }
        Ok(())
    }
    #[cfg(not(unix))]
    fs::create_dir_all(path).map_err(io_error("create the folder", path))
}

/// Reads a whole file of at most `limit` bytes.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FsError> {
    let mut bytes = Vec::new();
    read_into(path, limit, &mut bytes, false)?;
    Ok(bytes)
}

/// Reads a whole file of at most `limit` bytes into memory that is wiped when dropped, and refuses
/// a file that others can open.
pub fn read_secret(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, FsError> {
    let mut bytes = Zeroizing::new(Vec::new());
    read_into(path, limit, &mut bytes, true)?;
    Ok(bytes)
}

/// Opens a regular file, to read it in parts.
pub fn open(path: &Path) -> Result<File, FsError> {
    // Looked at before it is opened: opening a pipe would wait for its other end.
    let before = fs::metadata(path).map_err(io_error("read", path))?;
    if !before.is_file() {
        return Err(FsError::NotAFile { path: path.to_path_buf() });
    }
    File::open(path).map_err(io_error("open", path))
}

fn read_into(path: &Path, limit: u64, bytes: &mut Vec<u8>, secret: bool) -> Result<(), FsError> {
    let file = open(path)?;
    let meta = file.metadata().map_err(io_error("look at", path))?;
    if secret {
        check_private(path, &meta, 0o600)?;
    }
    if meta.len() > limit {
        return Err(FsError::TooLarge { path: path.to_path_buf(), limit, actual: meta.len() });
    }
    // Reserved in full, so that a growing buffer leaves no unwiped copy of a secret behind.
    let length = usize::try_from(meta.len()).unwrap_or(usize::MAX).saturating_add(1);
    let memory = bytes.try_reserve_exact(length);
    memory.map_err(|_| io_error("find the memory for", path)(io::ErrorKind::OutOfMemory.into()))?;
    file.take(limit.saturating_add(1)).read_to_end(bytes).map_err(io_error("read", path))?;
    if bytes.len() as u64 > limit {
        return Err(FsError::TooLarge { path: path.to_path_buf(), limit, actual: bytes.len() as u64 });
    }
    Ok(())
}

fn check_private(path: &Path, meta: &fs::Metadata, expected: u32) -> Result<(), FsError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = meta.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(FsError::Exposed { path: path.to_path_buf(), mode, expected });
        }
    }
    #[cfg(not(unix))]
    let _ = (path, meta, expected);
    Ok(())
}

/// A folder being written: invisible until [`StagedDir::publish`], removed if dropped before.
#[derive(Debug)]
pub struct StagedDir {
    dir: tempfile::TempDir,
    target: PathBuf,
}

impl StagedDir {
    /// Starts a folder that will appear as `target`, which must not exist.
    pub fn new(target: &Path) -> Result<Self, FsError> {
        if target.symlink_metadata().is_ok() {
            return Err(FsError::Exists { path: target.to_path_buf() });
        }
        let folder = parent(target);
        let mut builder = tempfile::Builder::new();
        builder.prefix(STAGING_PREFIX);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let dir = builder.tempdir_in(folder).map_err(io_error("create a folder in", folder))?;
        Ok(Self { dir, target: target.to_path_buf() })
    }

    /// Where to write for now.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Makes the folder appear under its name, whole.
    ///
    /// `subfolders` are flushed first, relative to the folder; the files in them must have been
    /// written with [`write()`] or [`write_secret`], which flush their content.
    pub fn publish(self, subfolders: &[&str]) -> Result<(), FsError> {
        for sub in subfolders {
            sync_dir(&self.dir.path().join(sub))?;
        }
        sync_dir(self.dir.path())?;
        if self.target.symlink_metadata().is_ok() {
            return Err(FsError::Exists { path: self.target });
        }
        // A folder that appeared in between makes the rename fail unless it is empty.
        fs::rename(self.dir.path(), &self.target).map_err(io_error("rename a finished folder to", &self.target))?;
        let _moved = self.dir.keep();
        sync_dir(parent(&self.target))
    }
}

/// Removes what crashed writers left in a folder. Call it only while no one else writes there.
pub fn sweep(folder: &Path) -> Result<usize, FsError> {
    sweep_if(folder, |_| true)
}

/// Removes what crashed writers left long ago, more than [`STAGING_AGE`], in a folder where others may be writing.
/// A folder that is not there has nothing in it.
pub fn sweep_old(folder: &Path) -> Result<usize, FsError> {
    let old = |meta: &fs::Metadata| meta.modified().is_ok_and(|time| time.elapsed().is_ok_and(|age| age > STAGING_AGE));
    match sweep_if(folder, old) {
        Err(error) if error.is_not_found() => Ok(0),
        other => other,
    }
}

fn sweep_if(folder: &Path, which: impl Fn(&fs::Metadata) -> bool) -> Result<usize, FsError> {
    let mut removed = 0;
    for entry in fs::read_dir(folder).map_err(io_error("list", folder))? {
        let entry = entry.map_err(io_error("list", folder))?;
        if !entry.file_name().to_string_lossy().starts_with(STAGING_PREFIX) {
            continue;
        }
        let path = entry.path();
        let meta = entry.metadata().map_err(io_error("look at", &path))?;
        if !which(&meta) {
            continue;
        }
        let result = if meta.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        result.map_err(io_error("remove the unfinished", &path))?;
        removed += 1;
    }
    Ok(removed)
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn sync_dir(folder: &Path) -> Result<(), FsError> {
    #[cfg(unix)]
    {
        let handle = File::open(folder).map_err(io_error("open the folder", folder))?;
        handle.sync_all().map_err(io_error("flush the folder", folder))?;
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

#[cfg(test)]
mod tests;
