//! A deployed adapter: which pool pays, which registry has the files, and what it asks for.

use alloy::primitives::{Address, B256, U256};
use zkpoc_contracts::bindings::vana::{
    FileClaim, IVanaDataRegistry, KeylessAttestor, VanaFile, VanaProof, VanaProofPool,
};

use super::VanaError;
use crate::chain::{ChainError, Client, Mode, Outcome, PoolClient};

/// Which of the two adapters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A pool that pays on proofs itself.
    Pool,
    /// An attestor of an unmodified pool.
    Keyless,
}

impl Kind {
    /// Name of the contract.
    pub fn contract(self) -> &'static str {
        match self {
            Self::Pool => "VanaProofPool",
            Self::Keyless => "KeylessAttestor",
        }
    }
}

/// A deployed adapter.
#[derive(Debug)]
pub struct Adapter<'a> {
    client: &'a Client,
    address: Address,
    kind: Kind,
    pool: Address,
    files: Address,
}

impl<'a> Adapter<'a> {
    /// Looks at an adapter; it must be of the deployment and profile at hand.
    pub fn open(view: &'a PoolClient<'_>, address: Address, profile_id: B256) -> Result<Self, VanaError> {
        let client = view.client();
        let compare = |what, expected: String, found: String| match expected == found {
            true => Ok(()),
            false => Err(VanaError::Adapter { adapter: address, what, expected, found }),
        };
        let datasets = client.call(address, &VanaProofPool::DATASETSCall {})?;
        compare("dataset registry", view.registry()?.to_string(), datasets.to_string())?;
        let profile = client.call(address, &VanaProofPool::PROFILE_IDCall {})?;
        compare("profile", profile_id.to_string(), profile.to_string())?;
        // Only a keyless attestor names a pool; asking another for it is refused, or not answered.
        let (kind, pool) = match client.call(address, &KeylessAttestor::POOLCall {}) {
            Ok(pool) => (Kind::Keyless, pool),
            Err(error) if error.is_environment() => return Err(error.into()),
            Err(_) => (Kind::Pool, address),
        };
        let files = client.call(address, &VanaProofPool::FILESCall {})?;
        Ok(Self { client, address, kind, pool, files })
    }

    /// Its address.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Which of the two it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The pool that pays.
    pub fn pool(&self) -> Address {
        self.pool
    }

    /// Vana's registry.
    pub fn files(&self) -> Address {
        self.files
    }

    /// The node.
    pub fn client(&self) -> &Client {
        self.client
    }

    /// Id of the model; zero before it is set.
    pub fn model_id(&self) -> Result<B256, ChainError> {
        self.client.call(self.address, &VanaProofPool::modelIdCall {})
    }

    /// Widest accepted bounds on squared norm and loss, as powers of two.
    pub fn bounds(&self) -> Result<(u8, u8), ChainError> {
        let norm = self.client.call(self.address, &VanaProofPool::MAX_NORM_LOG2Call {})?;
        Ok((norm, self.client.call(self.address, &VanaProofPool::MAX_LOSS_LOG2Call {})?))
    }

    /// The file that a contribution was proven for; zero when there is none.
    pub fn file_of(&self, nullifier: B256) -> Result<U256, ChainError> {
        self.client.call(self.address, &VanaProofPool::fileOfCall { nullifier })
    }

    /// A file of Vana's registry; its owner is zero when there is none.
    pub fn file(&self, id: U256) -> Result<VanaFile, ChainError> {
        self.client.call(self.files, &IVanaDataRegistry::filesCall { fileId: id })
    }

    /// The file with a url, zero when there is none.
    pub fn file_by_url(&self, url: &str) -> Result<U256, ChainError> {
        self.client.call(self.files, &IVanaDataRegistry::fileIdByUrlCall { url: url.to_owned() })
    }

    /// Adds a file of the sender to Vana's registry.
    pub fn add_file(&self, url: &str) -> Result<Outcome, ChainError> {
        let call = IVanaDataRegistry::addFileCall { url: url.to_owned() };
        self.client.send("adding the file", self.files, &call, Mode::Send)
    }

    /// A proof of a file; empty when there is none.
    pub fn proof(&self, file: U256, index: u64) -> Result<VanaProof, ChainError> {
        let call = IVanaDataRegistry::fileProofsCall { fileId: file, index: U256::from(index) };
        self.client.call(self.files, &call)
    }

    /// The place of this adapter's proof among a file's, with the proof; `None` if it has none of that contribution.
    ///
    /// Anyone may add proofs, also ones that look like it: those that its pool would not pay for are passed over, unless
    /// the file is paid already.
    pub fn find_proof(&self, file: U256, nullifier: B256) -> Result<Option<(u64, VanaProof)>, ChainError> {
        let metadata = alloy::primitives::hex::encode(&nullifier[..12]);
        let mut alike = None;
        for index in 1u64.. {
            let proof = self.proof(file, index)?;
            if proof.signature.is_empty() && proof.data.score.is_zero() {
                break;
            }
            if proof.data.metadata != metadata {
                continue;
            }
            if self.request_reward(file, index, Mode::DryRun).is_ok() {
                return Ok(Some((index, proof)));
            }
            alike.get_or_insert((index, proof));
        }
        Ok(alike)
    }

    /// What the pool has paid for a file; both kinds of pools answer alike.
    pub fn paid(&self, file: U256) -> Result<U256, ChainError> {
        Ok(self.client.call(self.pool, &VanaProofPool::filesCall { fileId: file })?.rewardAmount)
    }

    /// Sends a proven file, or tries it.
    pub fn prove_file(&self, request: FileClaim, mode: Mode) -> Result<Outcome, ChainError> {
        self.client.send("proving the file", self.address, &VanaProofPool::proveFileCall { request }, mode)
    }

    /// Asks the pool for the reward.
    pub fn request_reward(&self, file: U256, proof_index: u64, mode: Mode) -> Result<Outcome, ChainError> {
        let call = VanaProofPool::requestRewardCall { fileId: file, proofIndex: U256::from(proof_index) };
        self.client.send("requesting the reward", self.pool, &call, mode)
    }
}
