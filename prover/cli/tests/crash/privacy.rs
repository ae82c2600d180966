//! Who can reach what: modes of everything in a home, at any moment.
//!
//! The program runs with an open umask (`000`), so that what is private is so by the program's doing.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// First characters of temporary names.
pub(crate) const STAGING: &str = ".zkpoc-tmp-";

/// Everything in a folder with its length, as far as it is there while it is looked at.
pub(crate) fn entries(folder: &Path) -> Vec<(PathBuf, u64, u32)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let listed = match std::fs::read_dir(&folder) {
            Ok(listed) => listed,
            // Renamed or removed just now.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => panic!("{}: {error}", folder.display()),
        };
        for entry in listed.flatten() {
            let Ok(meta) = entry.path().symlink_metadata() else { continue };
            found.push((entry.path(), meta.len(), meta.permissions().mode()));
            if meta.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

/// Panics if other users can reach anything in a home, if a secret relies on the home's mode alone, or if an opening that was
/// handed over can be read by others; `found` is what is in the home or in a folder above.
pub(crate) fn check(home: &Path, found: &[(PathBuf, u64, u32)]) {
    let Ok(meta) = home.symlink_metadata() else { return };
    let closed = |mode: u32| mode & 0o077 == 0;
    assert!(closed(meta.permissions().mode()), "the home can be entered by others: {:o}", meta.permissions().mode());
    for (path, _, mode) in found {
        let Ok(inside) = path.strip_prefix(home) else {
            let opening = path.iter().any(|part| part == "openings");
            assert!(!opening || closed(*mode), "{} can be opened by others: {mode:o}", path.display());
            continue;
        };
        let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
        // Folders of the home, and folders that are being written.
        let folder = parts.len() == 1 && mode & 0o170000 == 0o040000;
        let staged = parts.len() == 2 && parts[1].starts_with(STAGING) && mode & 0o170000 == 0o040000;
        let secret = parts.len() > 2 && parts[2] == "secret";
        if folder || staged || secret {
            assert!(closed(*mode), "{} can be opened by others: {mode:o}", path.display());
        }
    }
}

/// What crashed writers left in a folder and those below.
pub(crate) fn strays(folder: &Path) -> Vec<PathBuf> {
    let stray = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(STAGING));
    entries(folder).into_iter().map(|(path, ..)| path).filter(stray).collect()
}
