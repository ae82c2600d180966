//! `deployments/<chain id>.json`: where a chain's pools are.
//!
//! One file for each chain, one pool for each profile. It holds nothing secret; whoever joins a pool gets it from its
//! operator and compares it with `contracts verify`. It is written atomically.
//!
//! # Errors
//! [`ChainError::Deployment`] names file and field.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use super::ChainError;
use crate::formats::json;
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::{FsError, Overwrite};
use zkpoc_prover::srs::Origin;

const FORMAT: &str = "zkpoc-deployment";
const VERSION: u32 = 1;
const LIMIT: u64 = 1 << 20;

/// Where deployment files are by default, in the working folder.
pub const FOLDER: &str = "deployments";

/// The pools of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    format: String,
    version: u32,
    /// The chain.
    pub chain_id: u64,
    /// Pools by profile name.
    pub pools: BTreeMap<String, Pool>,
}

/// One pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Id of the profile: keccak256 of its canonical JSON.
    pub profile_id: B256,
    /// The commitment key.
    pub srs: SrsName,
    /// Block of the first transaction; nothing about the pool is older.
    pub block: u64,
    /// The contracts by name, key data too.
    pub contracts: BTreeMap<String, Deployed>,
}

/// Which commitment key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SrsName {
    /// Its size.
    pub k: u32,
    /// keccak256 of `[tau]_2`.
    pub digest: B256,
    /// Where it comes from.
    pub origin: Origin,
}

/// One contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployed {
    /// Its address.
    pub address: Address,
    /// keccak256 of its code.
    pub code_hash: B256,
    /// Bytes of its code.
    pub code_bytes: usize,
    /// The transaction that made it.
    pub transaction: B256,
    /// Gas of that transaction.
    pub gas_used: u64,
}

impl Pool {
    /// The address of a contract.
    pub fn address(&self, name: &str) -> Result<Address, ChainError> {
        self.contracts.get(name).map(|contract| contract.address).ok_or_else(|| ChainError::Deployment {
            file: PathBuf::from(FOLDER),
            field: "contracts",
            expected: name.to_owned(),
            found: self.contracts.keys().cloned().collect::<Vec<_>>().join(", "),
        })
    }
}

impl Deployment {
    /// A chain without pools.
    pub fn new(chain_id: u64) -> Self {
        Self { format: FORMAT.into(), version: VERSION, chain_id, pools: BTreeMap::new() }
    }

    /// The file of a chain in `folder`.
    pub fn path(folder: &Path, chain_id: u64) -> PathBuf {
        folder.join(format!("{chain_id}.json"))
    }

    /// Reads the file of a chain; a missing one is a chain without pools.
    pub fn load(folder: &Path, chain_id: u64) -> Result<Self, ChainError> {
        let file = Self::path(folder, chain_id);
        let text = match fsio::read(&file, LIMIT) {
            Ok(text) => text,
            Err(error) if error.is_not_found() => return Ok(Self::new(chain_id)),
            Err(error) => return Err(error.into()),
        };
        let wrong = |field, expected: String, found: String| ChainError::Deployment {
            file: file.clone(),
            field,
            expected,
            found,
        };
        let read: Self = json::read("deployment", &text, LIMIT as usize)
            .map_err(|error| wrong("content", "a deployment file".into(), error.to_string()))?;
        if read.format != FORMAT {
            return Err(wrong("format", FORMAT.into(), read.format));
        }
        if read.version != VERSION {
            return Err(wrong("version", VERSION.to_string(), read.version.to_string()));
        }
        if read.chain_id != chain_id {
            return Err(wrong("chain_id", chain_id.to_string(), read.chain_id.to_string()));
        }
        Ok(read)
    }

    /// Writes the file into `folder`.
    pub fn save(&self, folder: &Path) -> Result<PathBuf, ChainError> {
        std::fs::create_dir_all(folder).map_err(|source| FsError::Io {
            action: "create the folder",
            path: folder.to_path_buf(),
            source,
        })?;
        let file = Self::path(folder, self.chain_id);
        // invariant: maps with string keys, numbers and strings serialise.
        let mut text = serde_json::to_vec_pretty(self).expect("a deployment");
        text.push(b'\n');
        fsio::write(&file, &text, Overwrite::Replace)?;
        Ok(file)
    }

    /// The pool of a profile.
    pub fn pool(&self, folder: &Path, profile: &str) -> Result<&Pool, ChainError> {
        self.pools.get(profile).ok_or_else(|| ChainError::NoPool {
            file: Self::path(folder, self.chain_id),
            chain_id: self.chain_id,
            profile: profile.to_owned(),
            known: match self.pools.len() {
                0 => "none".to_owned(),
                _ => self.pools.keys().cloned().collect::<Vec<_>>().join(", "),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Deployment {
        let srs = SrsName { k: 8, digest: B256::repeat_byte(1), origin: Origin::DevInsecure };
        let token = Deployed {
            address: Address::repeat_byte(2),
            code_hash: B256::repeat_byte(3),
            code_bytes: 9,
            transaction: B256::repeat_byte(4),
            gas_used: 21_000,
        };
        let contracts = BTreeMap::from([("ContributionToken".to_owned(), token)]);
        let pool = Pool { profile_id: B256::repeat_byte(5), srs, block: 1, contracts };
        let mut deployment = Deployment::new(31337);
        deployment.pools.insert("toy".into(), pool);
        deployment
    }

    #[test]
    fn survives_a_file() {
        let folder = tempfile::tempdir().expect("folder");
        let empty = Deployment::load(folder.path(), 31337).expect("a missing file");
        assert!(empty.pools.is_empty());
        let file = sample().save(folder.path()).expect("save");
        assert!(file.ends_with("31337.json"));
        assert_eq!(Deployment::load(folder.path(), 31337).expect("load"), sample());
    }

    #[test]
    fn rejects_files_of_another_chain_or_form() {
        let folder = tempfile::tempdir().expect("folder");
        sample().save(folder.path()).expect("save");
        std::fs::rename(folder.path().join("31337.json"), folder.path().join("1.json")).expect("rename");
        let error = Deployment::load(folder.path(), 1).expect_err("another chain");
        assert!(matches!(error, ChainError::Deployment { field: "chain_id", .. }), "{error}");
        std::fs::write(folder.path().join("5.json"), "{}").expect("write");
        let error = Deployment::load(folder.path(), 5).expect_err("an empty object");
        assert!(matches!(error, ChainError::Deployment { field: "content", .. }), "{error}");
    }

    #[test]
    fn rejects_profiles_and_contracts_that_are_not_there() {
        let deployment = sample();
        let error = deployment.pool(Path::new(FOLDER), "mnist-mlp").expect_err("no such pool");
        assert!(error.to_string().contains("toy"), "{error}");
        let pool = deployment.pool(Path::new(FOLDER), "toy").expect("the pool");
        assert!(pool.address("ContributionToken").is_ok() && pool.address("DataRegistry").is_err());
    }
}
