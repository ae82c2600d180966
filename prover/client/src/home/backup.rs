//! Backups of datasets: one encrypted file that restores a dataset as it was.
//!
//! # Layout
//! An age file (<https://age-encryption.org/v1>) for a passphrase or one recipient. Inside: the line
//! `zkpoc-backup 1`, then the parts `name`, `dataset.json`, `records` and `seed` in this order, each
//! as its length (u64, little-endian) and its bytes, and nothing after.
//!
//! # Checks
//! age authenticates every byte. What comes out is parsed and checked as a stored dataset is, and
//! a restored folder appears whole or not at all; a taken name is refused.
//!
//! # Secrets
//! A passphrase is read from the environment or a file and never from an argument, which other users
//! of the machine could see. All plaintext is wiped when it is no longer needed.
//!
//! # Errors
//! [`BackupError`].

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use age::secrecy::SecretString;
use zeroize::{Zeroize, Zeroizing};
use zkpoc_circuits::profile::Profile;

use crate::formats::tensors;
use crate::home::dataset::{parse, write_files, DatasetManifest, MANIFEST, MANIFEST_LIMIT, RECORDS, SEED};
use crate::home::{check_name, Home, HomeError, HomeLock};
use zkpoc_circuits::ErrorKind;
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::{FsError, Overwrite};

/// Environment variable that holds the passphrase.
pub const PASSPHRASE_VARIABLE: &str = "ZKPOC_PASSPHRASE";
/// Shortest accepted passphrase, characters.
pub const MIN_PASSPHRASE: usize = 12;

const MAGIC: &[u8] = b"zkpoc-backup 1\n";
const LIMIT: u64 = (1 << 30) + (1 << 24);
/// Largest scrypt work (2^22: seconds, 4 GiB at most) that a file may ask of us.
const MAX_WORK: u8 = 22;

/// Why a backup was not made or not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file.
    #[error(transparent)]
    File(#[from] FsError),
    /// The dataset itself.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// No passphrase was given.
    #[error("no passphrase: set {PASSPHRASE_VARIABLE}, or name a file that holds it")]
    NoPassphrase,
    /// The passphrase is guessed too easily.
    #[error("the passphrase has {actual} characters, at least {MIN_PASSPHRASE} are required")]
    ShortPassphrase {
        /// Its length.
        actual: usize,
    },
    /// A recipient or identity in another form than age's X25519 keys.
    #[error("{what}: {reason}; expected {expected}")]
    Key {
        /// Which key.
        what: &'static str,
        /// Why it was refused.
        reason: String,
        /// What a correct one looks like.
        expected: &'static str,
    },
    /// Encryption failed.
    #[error("cannot encrypt: {0}")]
    Encrypt(String),
    /// Wrong key, or the file was changed.
    #[error("cannot decrypt {path}: {reason}", path = path.display())]
    Decrypt {
        /// The file.
        path: PathBuf,
        /// age's reason.
        reason: String,
    },
    /// It decrypts, but is no backup of a dataset.
    #[error("{path} decrypts but is no dataset backup: expected {expected}", path = path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What was missing.
        expected: &'static str,
    },
}

impl BackupError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::File(error) => error.kind(),
            Self::Home(error) => error.kind(),
            Self::Encrypt(_) => ErrorKind::Environment,
            _ => ErrorKind::Input,
        }
    }
}

/// For whom a backup is encrypted.
pub enum SealWith {
    /// Who knows the passphrase.
    Passphrase(SecretString),
    /// Who holds the identity of this recipient.
    Recipient(age::x25519::Recipient),
}

/// What opens a backup.
pub enum OpenWith {
    /// The passphrase.
    Passphrase(SecretString),
    /// The identity.
    Identity(age::x25519::Identity),
}

impl std::fmt::Debug for SealWith {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Passphrase(_) => f.write_str("Passphrase(..)"),
            Self::Recipient(recipient) => write!(f, "Recipient({recipient})"),
        }
    }
}

impl std::fmt::Debug for OpenWith {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Passphrase(_) => "Passphrase(..)",
            Self::Identity(_) => "Identity(..)",
        })
    }
}

/// Reads the passphrase from a file (its first line), or from [`PASSPHRASE_VARIABLE`].
pub fn passphrase(file: Option<&Path>) -> Result<SecretString, BackupError> {
    let mut text = match file {
        Some(path) => {
            let bytes = Zeroizing::new(fsio::read(path, 4096)?);
            let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let text = std::str::from_utf8(line).map_err(|_| BackupError::Key {
                what: "passphrase file",
                reason: "not text".into(),
                expected: "one line of UTF-8",
            })?;
            Zeroizing::new(text.to_owned())
        }
        None => match std::env::var(PASSPHRASE_VARIABLE) {
            Ok(text) => Zeroizing::new(text),
            Err(_) => return Err(BackupError::NoPassphrase),
        },
    };
    let actual = text.chars().count();
    if actual < MIN_PASSPHRASE {
        return Err(BackupError::ShortPassphrase { actual });
    }
    Ok(SecretString::from(std::mem::take(&mut *text)))
}

/// Parses an age recipient, `age1...`.
pub fn recipient(text: &str) -> Result<age::x25519::Recipient, BackupError> {
    text.trim().parse().map_err(|reason: &str| BackupError::Key {
        what: "recipient",
        reason: reason.into(),
        expected: "an age X25519 recipient, age1...",
    })
}

/// Reads an age identity from a file as `age-keygen` writes it.
pub fn identity(file: &Path) -> Result<age::x25519::Identity, BackupError> {
    let bytes = Zeroizing::new(fsio::read(file, 64 * 1024)?);
    let key = |reason: &str| BackupError::Key {
        what: "identity file",
        reason: reason.into(),
        expected: "a line AGE-SECRET-KEY-1...",
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| key("not text"))?;
    let line = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1"));
    line.ok_or_else(|| key("no identity in it"))?.trim().parse().map_err(key)
}

/// Writes an encrypted backup of a dataset.
pub fn export(
    home: &Home,
    name: &str,
    profile: &Profile,
    target: &Path,
    key: &SealWith,
    overwrite: Overwrite,
) -> Result<DatasetManifest, BackupError> {
    let folder = home.dataset_dir(name)?;
    let manifest = fsio::read(&folder.join(MANIFEST), MANIFEST_LIMIT)?;
    let records = fsio::read_secret(&folder.join(RECORDS), tensors::LIMIT)?;
    let seed = fsio::read_secret(&folder.join(SEED), 32)?;
    // A backup of something broken would be found out when it is needed.
    let dataset = parse(&folder, profile, &manifest, &records, &seed)?;

    let parts = [name.as_bytes(), &manifest, &records, &seed];
    let length = MAGIC.len() + parts.iter().map(|part| 8 + part.len()).sum::<usize>();
    let mut plain = Zeroizing::new(Vec::with_capacity(length));
    plain.extend_from_slice(MAGIC);
    for part in parts {
        plain.extend_from_slice(&(part.len() as u64).to_le_bytes());
        plain.extend_from_slice(part);
    }
    let sealed = seal(&plain, key)?;
    fsio::write_secret(target, &sealed, overwrite)?;
    Ok(dataset.manifest)
}

/// Restores a dataset from a backup, under its own name or another.
pub fn import(
    home: &Home,
    lock: &HomeLock,
    file: &Path,
    profile: &Profile,
    rename: Option<&str>,
    key: &OpenWith,
) -> Result<(String, DatasetManifest), BackupError> {
    let sealed = fsio::read(file, LIMIT)?;
    let plain = open(file, &sealed, key)?;
    let content = |expected| BackupError::Content { path: file.to_path_buf(), expected };
    let mut rest = plain.strip_prefix(MAGIC).ok_or_else(|| content("the line `zkpoc-backup 1`"))?;
    let mut parts = [&[][..]; 4];
    for part in &mut parts {
        let (length, after) = rest.split_first_chunk::<8>().ok_or_else(|| content("the length of a part"))?;
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        (*part, rest) = after.split_at_checked(length).ok_or_else(|| content("a part of its length"))?;
    }
    if !rest.is_empty() {
        return Err(content("the end after four parts"));
    }
    let [stored_name, manifest, records, seed] = parts;
    let stored_name = std::str::from_utf8(stored_name).map_err(|_| content("a dataset's name"))?;
    check_name(stored_name)?;
    let name = rename.unwrap_or(stored_name);
    let target = home.dataset_dir(name)?;
    let dataset = parse(&target, profile, manifest, records, seed)?;
    write_files(lock, &target, manifest, records, seed)?;
    Ok((name.to_owned(), dataset.manifest))
}

fn seal(plain: &[u8], key: &SealWith) -> Result<Vec<u8>, BackupError> {
    let failed = |error: &dyn std::fmt::Display| BackupError::Encrypt(error.to_string());
    let encryptor = match key {
        SealWith::Passphrase(passphrase) => age::Encryptor::with_user_passphrase(passphrase.clone()),
        SealWith::Recipient(recipient) => {
            let recipients = std::iter::once(recipient as &dyn age::Recipient);
            age::Encryptor::with_recipients(recipients).map_err(|error| failed(&error))?
        }
    };
    let mut sealed = Vec::with_capacity(plain.len() + plain.len() / 1024 + 1024);
    let mut writer = encryptor.wrap_output(&mut sealed).map_err(|error| failed(&error))?;
    writer.write_all(plain).map_err(|error| failed(&error))?;
    writer.finish().map_err(|error| failed(&error))?;
    Ok(sealed)
}

fn open(file: &Path, sealed: &[u8], key: &OpenWith) -> Result<Zeroizing<Vec<u8>>, BackupError> {
    let failed =
        |error: &dyn std::fmt::Display| BackupError::Decrypt { path: file.to_path_buf(), reason: error.to_string() };
    let decryptor = age::Decryptor::new_buffered(sealed).map_err(|error| failed(&error))?;
    let scrypt;
    let identity: &dyn age::Identity = match key {
        OpenWith::Passphrase(passphrase) => {
            let mut identity = age::scrypt::Identity::new(passphrase.clone());
            identity.set_max_work_factor(MAX_WORK);
            scrypt = identity;
            &scrypt
        }
        OpenWith::Identity(identity) => identity,
    };
    let mut reader = decryptor.decrypt(std::iter::once(identity)).map_err(|error| failed(&error))?;
    // The plaintext is shorter than the file: room for all of it, so that no copy is left behind.
    let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
    let mut buffer = Zeroizing::new([0u8; 1 << 16]);
    loop {
        let count = reader.read(buffer.as_mut()).map_err(|error| failed(&error))?;
        if count == 0 {
            break;
        }
        plain.extend_from_slice(&buffer[..count]);
    }
    buffer.zeroize();
    Ok(plain)
}

#[cfg(test)]
mod tests;
