//! A contributor's way through a round: register, validate, prove, claim, and in a masked round the way through its group.
//!
//! Each step first asks the chain whether it is needed and whether it would be accepted, then does the slow work, stores
//! what must not be lost, and sends last. So every step can be run again after a crash: a registered dataset and a validated
//! shard are left alone, and a stored claim is sent as it is instead of being proven anew.
//!
//! # Errors
//! [`ContributeError`].

use alloy::primitives::{Address, B256, U256};
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use zkpoc_circuits::grid::{Grid, LayoutError};
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{Model, ReferenceError, Shard};
use zkpoc_contracts::bindings::digests::{merkle_path, DigestError, DEPTH};
use zkpoc_contracts::bindings::G1Point;

use crate::aggregation::AggregationError;
use crate::attest::{AttestError, Audience, SignedAttestation};
use crate::chain::words::{point_to_words, points_id};
use crate::chain::{ChainError, Mode, Outcome, PoolClient};
use crate::exchange::OpeningError;
use crate::formats::FormatError;
use crate::home::{Dataset, DatasetManifest, Home, HomeError};
use zkpoc_circuits::ErrorKind;
use zkpoc_engine::encoding::scalar_from_bytes;
use zkpoc_prover::commit::CommitError;
use zkpoc_prover::fsio::FsError;
use zkpoc_prover::keys::{KeyCache, KeyError};
use zkpoc_prover::prove::{model_commitment, ProveError, Registered};
use zkpoc_prover::srs::Srs;

/// A step that cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum ContributeError {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A proof.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Something in the home.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The attestation.
    #[error(transparent)]
    Attest(#[from] AttestError),
    /// The model does not fit the profile.
    #[error(transparent)]
    Model(#[from] ReferenceError),
    /// The profile has no layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A commitment cannot be computed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A tree or path cannot be computed.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// The model at hand is not the round's.
    #[error("the model at hand has id {found}, round {round} is about {expected}; get the round's model")]
    OtherModel {
        /// The round.
        round: u64,
        /// The round's model.
        expected: B256,
        /// The model given.
        found: B256,
    },
    /// The dataset has no such shard.
    #[error("the dataset has shards 0 to {last}, there is no shard {index}")]
    NoShard {
        /// Last index.
        last: usize,
        /// Index asked for.
        index: u64,
    },
    /// A stored claim that is about something else.
    #[error("the claim stored as {id} was made for another context; move its folder away to prove anew")]
    StoredClaim {
        /// Its name.
        id: String,
    },
    /// A stored claim that no contract would accept.
    #[error("the claim stored as {id} does not hold: {reason}; its files may be damaged: move its folder away to prove anew")]
    Damaged {
        /// Its name.
        id: String,
        /// Why not.
        reason: String,
    },
    /// The events of a round's claims do not give the contract's hash of them; the node lies or lacks events.
    #[error("the events of {claims} claims of round {round} do not give the hash {expected} that the contract keeps of its claims; is the node complete?")]
    ClaimsHash {
        /// The round.
        round: u64,
        /// Claims that there are events of.
        claims: usize,
        /// The contract's hash.
        expected: B256,
    },
    /// No claim of the round can be opened.
    #[error("none of the {claims} claims of round {round} can be added up: no opening of a plain claim, and no whole group, is at the source{why}")]
    NoOpenings {
        /// The round.
        round: u64,
        /// Its claims.
        claims: usize,
        /// Why a group is left out, if there is one.
        why: String,
    },
    /// The source lacks a model.
    #[error("{origin} is not there; whoever finalized the round before publishes it")]
    NoModel {
        /// Where it should be.
        origin: String,
    },
    /// The source has another model under the id.
    #[error("{origin} holds the model {found}, not {expected}")]
    ModelId {
        /// Where it is.
        origin: String,
        /// The id it is stored under.
        expected: B256,
        /// Its id.
        found: B256,
    },
    /// A model's file.
    #[error("the model: {source}")]
    Tensors {
        /// What is wrong with it.
        source: FormatError,
    },
    /// An opening, or where it is kept.
    #[error(transparent)]
    Opening(#[from] OpeningError),
    /// A file.
    #[error(transparent)]
    File(#[from] FsError),
    /// A step of a masked round.
    #[error(transparent)]
    Aggregation(#[from] AggregationError),
    /// The node lacks a block.
    #[error("the node does not have block {number}, which draws the round's groups; use one that keeps blocks")]
    NoBlock {
        /// The block.
        number: u64,
    },
    /// The shard's update was in a masked sum before.
    #[error("a masked share of shard {index} was posted for this model before: one update is in one sum only, as two would give it away; wait until another shard is drawn or the model has changed")]
    Posted {
        /// The shard.
        index: u64,
    },
    /// The pool's phases are too short for masked rounds.
    #[error("no masked claim can be made here: {reason}")]
    Phases {
        /// Why not.
        reason: String,
    },
    /// A stored claim of the other kind.
    #[error("the claim stored as {id} is {found}; {hint}")]
    StoredMode {
        /// Its name.
        id: String,
        /// Masked or plain.
        found: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// The sender has no masked claim in the round.
    #[error("this account has no masked claim of the dataset in round {round}, or its files are not in this home")]
    NoMember {
        /// The round.
        round: u64,
    },
    /// A step that the state of the group does not ask for.
    #[error("claim {number} of round {round}: {reason}")]
    Step {
        /// The round.
        round: u64,
        /// The claim.
        number: u64,
        /// Why not.
        reason: String,
    },
    /// No round was opened yet.
    #[error("the pool has no round yet; its operator opens the first one")]
    NoRound,
}

impl ContributeError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Chain(error) => error.kind(),
            Self::Prove(error) => error.kind(),
            Self::Key(error) => error.kind(),
            Self::Home(error) => error.kind(),
            Self::Attest(error) => error.kind(),
            Self::Opening(error) => error.kind(),
            Self::Aggregation(error) => error.kind(),
            Self::File(error) => error.kind(),
            _ => ErrorKind::Input,
        }
    }

    /// The decoded error, when a contract refused.
    pub fn refusal(&self) -> Option<&crate::chain::Revert> {
        match self {
            Self::Chain(error) => error.revert(),
            _ => None,
        }
    }
}

mod claim;
pub mod finalize;
pub mod masked;
mod validity;

pub use claim::{check_kept, claim_id, is_kept_for, Prepared};
pub use finalize::{FirstModel, RoundClaim};
pub use validity::Validity;

/// Told what is being done.
pub type Progress<'a> = &'a mut dyn FnMut(&'static str);

/// What every step works with.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The contributor's folder.
    pub home: &'a Home,
    /// The profile.
    pub profile: &'a Profile,
    /// The SRS.
    pub srs: &'a Srs,
    /// The pool.
    pub pool: &'a PoolClient<'a>,
    /// Bytes that a proof may take; `None` for no limit.
    pub memory_limit: Option<u64>,
}

/// The id of a model's commitment, as rounds name it.
pub fn model_id(srs: &Srs, profile: &Profile, model: &Model) -> Result<B256, ContributeError> {
    model.check(profile)?;
    let points = model_commitment(srs, &Grid::new(profile)?, model)?;
    Ok(points_id(&points)?)
}

fn solidity_point(point: &G1Affine) -> G1Point {
    let [x, y] = point_to_words(point);
    G1Point { x, y }
}

fn scalar(value: U256) -> Fr {
    // invariant: contexts are reduced modulo the group order where they are computed.
    scalar_from_bytes(&value.to_be_bytes()).unwrap_or_default()
}

impl<'a> Site<'a> {
    fn keys(&self) -> KeyCache {
        KeyCache::new(&self.home.keys_dir())
    }

    fn sender(&self) -> Result<Address, ChainError> {
        self.pool.client().sender()
    }

    /// Registers a dataset; `None` if the sender has registered it before.
    pub fn register(
        &self,
        manifest: &DatasetManifest,
        signed: &SignedAttestation,
        mode: Mode,
    ) -> Result<Option<Outcome>, ContributeError> {
        let owner = self.sender()?;
        let client = self.pool.client();
        let audience = Audience { chain_id: client.chain_id(), registry: self.pool.registry()?, owner };
        signed.check(manifest, &audience)?;
        // The registration of an earlier run may be under way.
        client.await_own()?;
        if self.pool.dataset(manifest.root)?.owner == owner {
            return Ok(None);
        }
        Ok(Some(self.pool.register(&signed.attestation, &signed.signature, mode)?))
    }
}

fn is_refusal(error: &ChainError, name: &str) -> bool {
    error.revert().is_some_and(|revert| revert.name == name)
}

/// Success is a refusal for this reason: everything before it was in order.
fn refused_only_for(answer: Result<Outcome, ChainError>, name: &str) -> Result<(), ChainError> {
    match answer {
        Err(error) if !is_refusal(&error, name) => Err(error),
        _ => Ok(()),
    }
}

/// A shard's place among the dataset's.
fn place(dataset: &Dataset, index: u64) -> Result<usize, ContributeError> {
    let last = dataset.shards.len().saturating_sub(1);
    let place = usize::try_from(index).ok().filter(|place| *place < dataset.shards.len());
    place.ok_or(ContributeError::NoShard { last, index })
}

/// A shard of a dataset.
fn shard(dataset: &Dataset, index: u64) -> Result<&Shard, ContributeError> {
    Ok(&dataset.shards[place(dataset, index)?])
}

/// What is registered for a shard, and its path.
fn registered(dataset: &Dataset, index: u64) -> Result<(Registered, [B256; DEPTH]), ContributeError> {
    let (manifest, place) = (&dataset.manifest, place(dataset, index)?);
    let last = manifest.commitments.len().saturating_sub(1);
    let commitment = manifest.commitments.get(place).ok_or(ContributeError::NoShard { last, index })?;
    let path = merkle_path(&manifest.leaves(), place)?;
    Ok((Registered { commitment: *commitment, blinding: dataset.blinding(index) }, path))
}
