//! A reference attestor: who says that records are real, someone's own, and not paid for before.
//!
//! The attestor is the data's source, or acts for it. It is given the records and the seed, recomputes every commitment and
//! the root, and signs (EIP-712). That records are real and belong to the owner only it can know; that none was attested
//! before it finds out here.
//!
//! # Fingerprints
//! HMAC-SHA256 under a secret of the attestor over the features of a record, labels left out: the same image under ten labels
//! is one record. The commitments hide the records, so a copy under another seed looks new on chain; the fingerprints are
//! what refuses it. Without the secret a leaked ledger tells nothing about records that cannot be guessed.
//!
//! # Files
//! ```text
//! <folder>/            mode 0700
//!   secret             32 bytes, the key of the fingerprints and of subjects
//!   issued/<root>.json one attestation, with the fingerprints of its records
//!   .lock              held while attesting
//! ```
//! An attestation is written, atomically, before it is given out. Asking again for the same root, owner, source and registry
//! gives the same answer, so a crash on either side costs nothing.
//!
//! # Errors
//! [`AttestError`].

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use alloy::primitives::B256;
use alloy::signers::local::PrivateKeySigner;
use fs4::FileExt;
use hmac::{Hmac, KeyInit, Mac};
use rand_core::{OsRng, RngCore};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;
use zkpoc_circuits::grid::{Grid, LayoutError};
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::ReferenceError;
use zkpoc_contracts::bindings::Attestation;

use crate::formats::{hexadecimal, json, FormatError};
use crate::home::{Dataset, DatasetManifest};
use zkpoc_circuits::ErrorKind;
use zkpoc_prover::commit::CommitError;
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::{FsError, Overwrite};
use zkpoc_prover::prove::commit_shard;
use zkpoc_prover::srs::Srs;

mod signed;

pub use signed::{sign, Audience, SignedAttestation};

use signed::RawAttestation;

const SECRET: &str = "secret";
const ISSUED: &str = "issued";
const LEDGER_LIMIT: u64 = 1 << 30;

/// An attestation that is refused, or cannot be given.
#[derive(Debug, thiserror::Error)]
pub enum AttestError {
    /// The dataset was made for another profile or SRS.
    #[error("the dataset's {what} is {found}, expected {expected}")]
    Mismatch {
        /// Which property.
        what: &'static str,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A shard does not satisfy the profile.
    #[error("shard {index}: {source}")]
    Shard {
        /// Index of the shard.
        index: usize,
        /// Why not.
        source: ReferenceError,
    },
    /// A commitment is not that of the records and the seed.
    #[error("the commitment of shard {index} is not that of its records and the seed")]
    Commitment {
        /// Index of the shard.
        index: usize,
    },
    /// A record was attested before, or occurs twice.
    #[error("record {record} of shard {shard} was attested before, in dataset {root}; a record counts once")]
    Duplicate {
        /// Index of the shard.
        shard: usize,
        /// Index of the record in it.
        record: usize,
        /// The dataset that has it.
        root: B256,
    },
    /// A signed statement does not say what it should.
    #[error("the attestation's {what} is {found}, expected {expected}")]
    Statement {
        /// Which field.
        what: &'static str,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The signature cannot be made or read.
    #[error("the attestation's signature: {0}")]
    Signature(String),
    /// The profile has no layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A shard cannot be committed to.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A file of the attestor cannot be read.
    #[error("{path}: {source}", path = path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        source: FormatError,
    },
    /// Another process is attesting.
    #[error("another process is attesting in {path}; wait for it to end", path = path.display())]
    Busy {
        /// The attestor's folder.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FsError),
}

impl AttestError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::File(error) => error.kind(),
            Self::Busy { .. } => ErrorKind::Environment,
            Self::Duplicate { .. } | Self::Commitment { .. } => ErrorKind::Refused,
            _ => ErrorKind::Input,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Issued {
    attestation: RawAttestation,
    fingerprints: Vec<String>,
}

/// The attestor's folder.
#[derive(Clone, Debug)]
pub struct Attestor {
    folder: PathBuf,
}

/// What was attested before.
#[derive(Debug, Default)]
struct Ledger {
    records: std::collections::HashMap<[u8; 32], B256>,
    epochs: std::collections::HashMap<B256, u64>,
}

impl Attestor {
    /// Opens a folder; creates it, with a new secret, if there is none.
    pub fn open(folder: &Path) -> Result<Self, AttestError> {
        fsio::create_secret_dir(folder)?;
        fsio::create_secret_dir(&folder.join(ISSUED))?;
        let attestor = Self { folder: folder.to_path_buf() };
        let _lock = attestor.lock()?;
        let secret = folder.join(SECRET);
        if !secret.exists() {
            // Under a new secret, no record would be known again.
            if !attestor.issued()?.is_empty() {
                let source = FormatError::field("secret", "32 bytes, as when the attestations were issued", "nothing");
                return Err(AttestError::Format { path: secret, source });
            }
            let mut bytes = Zeroizing::new([0u8; 32]);
            OsRng.fill_bytes(bytes.as_mut_slice());
            fsio::write_secret(&secret, bytes.as_slice(), Overwrite::Refuse)?;
        }
        Ok(attestor)
    }

    /// The opaque id of a source: nobody but the attestor can tell which.
    pub fn subject(&self, source: &str) -> Result<B256, AttestError> {
        let mut mac = self.mac(b"zkpoc.subject.v1")?;
        mac.update(source.as_bytes());
        Ok(B256::from_slice(&mac.finalize().into_bytes()))
    }

    /// Checks a dataset and signs for it.
    ///
    /// `source` is the attestor's name of where the data come from; one source has one live root.
    pub fn attest(
        &self,
        srs: &Srs,
        profile: &Profile,
        dataset: &Dataset,
        source: &str,
        audience: &Audience,
        signer: &PrivateKeySigner,
    ) -> Result<SignedAttestation, AttestError> {
        let manifest = &dataset.manifest;
        check_dataset(srs, profile, dataset)?;
        let subject = self.subject(source)?;
        let _lock = self.lock()?;
        let path = self.folder.join(ISSUED).join(format!("{:x}.json", manifest.root));
        if path.exists() {
            let given = self.read(&path)?.0.checked()?;
            if given.check(manifest, audience).is_ok()
                && given.attestation.subject == subject
                && given.attestor == signer.address()
            {
                return Ok(given);
            }
        }

        let ledger = self.ledger()?;
        let fingerprints = self.fingerprints(profile, dataset)?;
        let mut own = HashSet::with_capacity(fingerprints.len());
        for (at, fingerprint) in fingerprints.iter().enumerate() {
            let (shard, record) = (at / profile.shard_records(), at % profile.shard_records());
            let before = ledger.records.get(fingerprint).copied();
            let before = before.or_else(|| (!own.insert(*fingerprint)).then_some(manifest.root));
            if let Some(root) = before {
                return Err(AttestError::Duplicate { shard, record, root });
            }
        }
        let attestation = Attestation {
            owner: audience.owner,
            subject,
            profileId: manifest.profile_id,
            srsDigest: manifest.srs_digest,
            datasetRoot: manifest.root,
            shardCount: manifest.shard_count(),
            recordCount: manifest.record_count,
            epoch: ledger.epochs.get(&subject).copied().unwrap_or(0).saturating_add(1),
        };
        let signed = sign(attestation, audience, signer)?;
        let issued = Issued {
            attestation: signed.raw(),
            fingerprints: fingerprints.iter().map(|bytes| hexadecimal::encode(bytes)).collect(),
        };
        fsio::write_secret(&path, &json::write(&issued), Overwrite::Refuse)?;
        Ok(signed)
    }

    fn lock(&self) -> Result<std::fs::File, AttestError> {
        let path = self.folder.join(".lock");
        let open = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = open.map_err(|source| FsError::Io { action: "open", path: path.clone(), source })?;
        match FileExt::try_lock(&file) {
            Ok(()) => {}
            Err(fs4::TryLockError::WouldBlock) => return Err(AttestError::Busy { path: self.folder.clone() }),
            Err(fs4::TryLockError::Error(source)) => return Err(FsError::Io { action: "lock", path, source }.into()),
        }
        fsio::sweep(&self.folder)?;
        fsio::sweep(&self.folder.join(ISSUED))?;
        Ok(file)
    }

    fn mac(&self, domain: &[u8]) -> Result<Hmac<Sha256>, AttestError> {
        let path = self.folder.join(SECRET);
        let secret = fsio::read_secret(&path, 32)?;
        if secret.len() != 32 {
            let source = FormatError::field("secret", "32 bytes", format!("{} bytes", secret.len()));
            return Err(AttestError::Format { path, source });
        }
        // invariant: HMAC takes a key of any length.
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&secret).expect("HMAC key");
        mac.update(domain);
        Ok(mac)
    }

    /// Fingerprints of all records, in order.
    fn fingerprints(&self, profile: &Profile, dataset: &Dataset) -> Result<Vec<[u8; 32]>, AttestError> {
        let keyed = self.mac(b"zkpoc.record.v1")?;
        let width = profile.features();
        let records = dataset.shards.iter().flat_map(|shard| shard.features.chunks_exact(width.max(1)));
        Ok(records
            .map(|record| {
                let mut mac = keyed.clone();
                mac.update(&(width as u64).to_be_bytes());
                for feature in record {
                    mac.update(&feature.to_be_bytes());
                }
                mac.finalize().into_bytes().into()
            })
            .collect())
    }

    fn read(&self, path: &Path) -> Result<(SignedAttestation, Vec<[u8; 32]>), AttestError> {
        let format = |source| AttestError::Format { path: path.to_path_buf(), source };
        let text = fsio::read_secret(path, LEDGER_LIMIT)?;
        let issued: Issued = json::read("issued attestation", &text, LEDGER_LIMIT as usize).map_err(format)?;
        let signed = SignedAttestation::from_raw(issued.attestation).map_err(format)?;
        let fingerprints = issued.fingerprints.iter().map(|text| hexadecimal::decode_array("fingerprints", text));
        Ok((signed, fingerprints.collect::<Result<_, _>>().map_err(format)?))
    }

    /// The files of what was issued.
    fn issued(&self) -> Result<Vec<PathBuf>, AttestError> {
        let folder = self.folder.join(ISSUED);
        let io = |source| FsError::Io { action: "list", path: folder.clone(), source };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                files.push(path);
            }
        }
        Ok(files)
    }

    fn ledger(&self) -> Result<Ledger, AttestError> {
        let mut ledger = Ledger::default();
        for path in self.issued()? {
            let (signed, fingerprints) = self.read(&path)?;
            let a = &signed.attestation;
            ledger.records.extend(fingerprints.into_iter().map(|fingerprint| (fingerprint, a.datasetRoot)));
            let epoch = ledger.epochs.entry(a.subject).or_default();
            *epoch = a.epoch.max(*epoch);
        }
        Ok(ledger)
    }
}

/// Recomputes every commitment, and the root, from records and seed.
fn check_dataset(srs: &Srs, profile: &Profile, dataset: &Dataset) -> Result<(), AttestError> {
    let manifest = &dataset.manifest;
    let mismatch = |what, expected: String, found: String| match expected == found {
        true => Ok(()),
        false => Err(AttestError::Mismatch { what, expected, found }),
    };
    mismatch("profile id", B256::new(profile.id()).to_string(), manifest.profile_id.to_string())?;
    mismatch("SRS digest", srs.digest().to_string(), manifest.srs_digest.to_string())?;
    mismatch("number of shards", dataset.shards.len().to_string(), manifest.commitments.len().to_string())?;
    let records = dataset.shards.len().saturating_mul(profile.shard_records());
    mismatch("number of records", records.to_string(), manifest.record_count.to_string())?;
    let grid = Grid::new(profile)?;
    let mut commitments = Vec::with_capacity(dataset.shards.len());
    for (index, shard) in dataset.shards.iter().enumerate() {
        shard.check(profile).map_err(|source| AttestError::Shard { index, source })?;
        let commitment = commit_shard(srs, &grid, shard, &dataset.blinding(index as u64))?;
        if manifest.commitments[index] != commitment {
            return Err(AttestError::Commitment { index });
        }
        commitments.push(commitment);
    }
    let format = |source| AttestError::Format { path: PathBuf::from("dataset"), source };
    let rebuilt = DatasetManifest::new(profile, srs.digest(), commitments).map_err(format)?;
    mismatch("root", rebuilt.root.to_string(), manifest.root.to_string())
}

#[cfg(test)]
mod tests;
