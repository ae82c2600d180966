//! A committed dataset: what is public about it, and the secrets behind its commitments.
//!
//! # Shapes
//! `shard_count` shards of `m = local_steps * batch` records each, and as many commitments; shard `i` holds the records
//! `i * m` to `(i + 1) * m - 1`, and its blinding is [`blinding()`] of seed, profile id and `i`.
//!
//! # Checks
//! On reading: counts and lengths agree, every record fits the profile, no record occurs twice, the
//! root is that of the commitments. That a commitment is that of its shard takes the SRS;
//! `dataset check` does it.

use std::path::{Path, PathBuf};

use alloy::primitives::{B256, U256};
use halo2_proofs::halo2curves::bn256::G1Affine;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::Shard;
use zkpoc_contracts::bindings::digests::{leaf, merkle_root};
use zkpoc_contracts::bindings::G1Point;

use super::{blinding, check_name, Home, HomeError, HomeLock, Seed};
use crate::chain::words::point_to_words;
use crate::data::Records;
use crate::formats::{hexadecimal, json, tensors, FormatError};
use zkpoc_engine::encoding::{point_from_bytes, point_to_bytes};
use zkpoc_prover::blinding::Blinding;
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::{Overwrite, StagedDir};

pub(crate) const MANIFEST: &str = "dataset.json";
pub(crate) const SECRET: &str = "secret";
pub(crate) const RECORDS: &str = "secret/records.safetensors";
pub(crate) const SEED: &str = "secret/seed";
pub(crate) const MANIFEST_LIMIT: u64 = 1 << 20;

const FORMAT: &str = "zkpoc-dataset";
const VERSION: u32 = 1;

/// What may be told about a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetManifest {
    /// Name of the profile.
    pub profile: String,
    /// Id of the profile.
    pub profile_id: B256,
    /// Digest of the SRS that the commitments were made under.
    pub srs_digest: B256,
    /// Root over the shards.
    pub root: B256,
    /// Number of records.
    pub record_count: u32,
    /// The commitment of each shard.
    pub commitments: Vec<G1Affine>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManifest {
    format: String,
    version: u32,
    profile: String,
    profile_id: String,
    srs_digest: String,
    root: String,
    shard_count: u32,
    record_count: u32,
    commitments: Vec<String>,
}

impl DatasetManifest {
    /// Describes commitments made for a profile; computes the root.
    pub fn new(profile: &Profile, srs_digest: B256, commitments: Vec<G1Affine>) -> Result<Self, FormatError> {
        let profile_id = B256::new(profile.id());
        let root = root(profile_id, &commitments)?;
        let records = commitments.len().saturating_mul(profile.shard_records());
        let record_count =
            u32::try_from(records).map_err(|_| FormatError::field("record_count", "below 2^32", records))?;
        Ok(Self { profile: profile.name.clone(), profile_id, srs_digest, root, record_count, commitments })
    }

    /// Number of shards.
    pub fn shard_count(&self) -> u32 {
        // invariant: a tree has at most 1024 leaves.
        self.commitments.len() as u32
    }

    /// The leaves of the tree, in order.
    pub fn leaves(&self) -> Vec<B256> {
        leaves(self.profile_id, &self.commitments)
    }

    /// Writes the manifest as JSON text.
    pub fn to_json(&self) -> Vec<u8> {
        json::write(&RawManifest {
            format: FORMAT.into(),
            version: VERSION,
            profile: self.profile.clone(),
            profile_id: hexadecimal::encode(self.profile_id.as_slice()),
            srs_digest: hexadecimal::encode(self.srs_digest.as_slice()),
            root: hexadecimal::encode(self.root.as_slice()),
            shard_count: self.shard_count(),
            record_count: self.record_count,
            commitments: self.commitments.iter().map(|point| hexadecimal::encode(&point_to_bytes(point))).collect(),
        })
    }

    /// Reads JSON text; the root must be that of the commitments.
    pub fn from_json(bytes: &[u8]) -> Result<Self, FormatError> {
        let raw: RawManifest = json::read("dataset manifest", bytes, MANIFEST_LIMIT as usize)?;
        json::check_header((&raw.format, raw.version), (FORMAT, VERSION))?;
        if raw.shard_count as usize != raw.commitments.len() {
            let found = raw.commitments.len();
            return Err(FormatError::field("commitments", format!("{} points", raw.shard_count), found));
        }
        let word = |field, text: &str| hexadecimal::decode_array(field, text).map(B256::new);
        let profile_id = word("profile_id", &raw.profile_id)?;
        let mut commitments = Vec::with_capacity(raw.commitments.len());
        for (index, text) in raw.commitments.iter().enumerate() {
            let field = format!("commitments[{index}]");
            let bytes: [u8; 64] = hexadecimal::decode_array(&field, text)?;
            let point = point_from_bytes(&bytes).map_err(|error| FormatError::field(field, "a commitment", error))?;
            commitments.push(point);
        }
        let expected = root(profile_id, &commitments)?;
        if word("root", &raw.root)? != expected {
            return Err(FormatError::field("root", expected, raw.root));
        }
        Ok(Self {
            profile: raw.profile,
            profile_id,
            srs_digest: word("srs_digest", &raw.srs_digest)?,
            root: expected,
            record_count: raw.record_count,
            commitments,
        })
    }
}

fn leaves(profile_id: B256, commitments: &[G1Affine]) -> Vec<B256> {
    let points = commitments.iter().map(point_to_words);
    let leaf = |(index, [x, y]): (usize, [U256; 2])| leaf(profile_id, index as u64, &G1Point { x, y });
    points.enumerate().map(leaf).collect()
}

fn root(profile_id: B256, commitments: &[G1Affine]) -> Result<B256, FormatError> {
    merkle_root(&leaves(profile_id, commitments)).map_err(|error| FormatError::field("commitments", "a tree", error))
}

/// A dataset with its secrets.
#[derive(Debug)]
pub struct Dataset {
    /// The public part.
    pub manifest: DatasetManifest,
    /// The shards, in order.
    pub shards: Vec<Shard>,
    /// What the blindings follow from.
    pub seed: Seed,
}

impl Dataset {
    /// The blinding of a shard's registered commitment.
    pub fn blinding(&self, index: u64) -> Blinding {
        blinding(&self.seed, &self.manifest.profile_id.0, index)
    }
}

impl Home {
    /// Where a dataset is, or would be.
    pub fn dataset_dir(&self, name: &str) -> Result<PathBuf, HomeError> {
        check_name(name)?;
        Ok(self.datasets_dir().join(name))
    }

    /// Stores a dataset under a name that is not taken.
    pub fn save_dataset(
        &self,
        lock: &HomeLock,
        name: &str,
        profile: &Profile,
        dataset: &Dataset,
    ) -> Result<(), HomeError> {
        let target = self.dataset_dir(name)?;
        check_shape(&target, profile, dataset)?;
        let records =
            Records::from_shards(profile.features(), &dataset.shards).map_err(HomeError::data(target.join(RECORDS)))?;
        let records = tensors::write_records(profile, &records).map_err(HomeError::format(target.join(RECORDS)))?;
        let manifest = dataset.manifest.to_json();
        write_files(lock, &target, &manifest, &records, dataset.seed.expose())
    }

    /// Reads the public part of a dataset.
    pub fn load_manifest(&self, name: &str) -> Result<DatasetManifest, HomeError> {
        let path = self.dataset_dir(name)?.join(MANIFEST);
        let text = fsio::read(&path, MANIFEST_LIMIT)?;
        DatasetManifest::from_json(&text).map_err(HomeError::format(path))
    }

    /// Reads a dataset with its secrets.
    pub fn load_dataset(&self, name: &str, profile: &Profile) -> Result<Dataset, HomeError> {
        let folder = self.dataset_dir(name)?;
        let manifest = fsio::read(&folder.join(MANIFEST), MANIFEST_LIMIT)?;
        let records = fsio::read_secret(&folder.join(RECORDS), tensors::LIMIT)?;
        let seed = fsio::read_secret(&folder.join(SEED), 32)?;
        parse(&folder, profile, &manifest, &records, &seed)
    }
}

/// Writes the files of a dataset so that the folder appears whole.
pub(crate) fn write_files(
    _lock: &HomeLock,
    target: &Path,
    manifest: &[u8],
    records: &[u8],
    seed: &[u8],
) -> Result<(), HomeError> {
    let staged = StagedDir::new(target)?;
    fsio::create_secret_dir(&staged.path().join(SECRET))?;
    fsio::write_secret(&staged.path().join(SEED), seed, Overwrite::Refuse)?;
    fsio::write_secret(&staged.path().join(RECORDS), records, Overwrite::Refuse)?;
    fsio::write(&staged.path().join(MANIFEST), manifest, Overwrite::Refuse)?;
    Ok(staged.publish(&[SECRET])?)
}

/// Puts the files of a dataset together; `folder` is for the messages.
pub(crate) fn parse(
    folder: &Path,
    profile: &Profile,
    manifest: &[u8],
    records: &[u8],
    seed: &[u8],
) -> Result<Dataset, HomeError> {
    let manifest = DatasetManifest::from_json(manifest).map_err(HomeError::format(folder.join(MANIFEST)))?;
    let records = tensors::read_records(profile, records).map_err(HomeError::format(folder.join(RECORDS)))?;
    let wanted = manifest.commitments.len().saturating_mul(profile.shard_records());
    if records.len() != wanted {
        return Err(HomeError::Mismatch {
            path: folder.join(RECORDS),
            what: "number of records",
            expected: wanted.to_string(),
            found: records.len().to_string(),
        });
    }
    let shards = records.shards(profile, manifest.commitments.len()).map_err(HomeError::data(folder.join(RECORDS)))?;
    let seed: Zeroizing<[u8; 32]> = Zeroizing::new(seed.try_into().map_err(|_| HomeError::Mismatch {
        path: folder.join(SEED),
        what: "length",
        expected: "32 bytes".into(),
        found: format!("{} bytes", seed.len()),
    })?);
    let dataset = Dataset { manifest, shards, seed: Seed::from_bytes(*seed) };
    check_shape(folder, profile, &dataset)?;
    Ok(dataset)
}

fn check_shape(folder: &Path, profile: &Profile, dataset: &Dataset) -> Result<(), HomeError> {
    let manifest = &dataset.manifest;
    let equal = |what, expected: String, found: String| match expected == found {
        true => Ok(()),
        false => Err(HomeError::Mismatch { path: folder.join(MANIFEST), what, expected, found }),
    };
    let id = B256::new(profile.id());
    equal("profile", profile.name.clone(), manifest.profile.clone())?;
    equal("profile id", id.to_string(), manifest.profile_id.to_string())?;
    equal("number of shards", manifest.commitments.len().to_string(), dataset.shards.len().to_string())?;
    let records = dataset.shards.len().saturating_mul(profile.shard_records());
    equal("number of records", records.to_string(), manifest.record_count.to_string())
}
