//! A shard is proven well-formed: once for each profile and verifier, by its owner.
//!
//! The registry is asked about everything but the proof first, with an empty one: it must be refused for its length and for
//! nothing else.

use alloy::primitives::{Bytes, B256, U256};
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_contracts::bindings::digests::DEPTH;
use zkpoc_contracts::bindings::DataRegistry;

use super::{refused_only_for, registered, scalar, shard, solidity_point, ContributeError, Progress, Site};
use crate::chain::{ChainError, Mode};
use crate::formats::bundle::{Context, Link, ProofBundle};
use crate::home::Dataset;
use zkpoc_prover::prove::{prove_dataset, Phase, ProvingContext, Registered, Timings};

/// A shard's validity proof, ready to be sent.
#[derive(Clone, Debug)]
pub struct Validity {
    /// The call.
    pub call: DataRegistry::validateShardCall,
    /// The proof and its context.
    pub bundle: ProofBundle,
    /// Times.
    pub timings: Timings,
}

impl Site<'_> {
    /// Proves shard `index` of a registered dataset well-formed; `None` if it was proven before.
    pub fn prove_validity(
        &self,
        dataset: &Dataset,
        index: u64,
        progress: Progress<'_>,
    ) -> Result<Option<Validity>, ContributeError> {
        let (registered, path) = registered(dataset, index)?;
        // The proof of an earlier run may be under way.
        self.pool.client().await_own()?;
        if self.pool.is_validated(&solidity_point(&registered.commitment))? {
            return Ok(None);
        }
        let root = dataset.manifest.root;
        let owner = self.pool.dataset(root)?.owner;
        let fields = Context::Validity {
            chain_id: self.pool.client().chain_id(),
            registry: self.pool.registry()?,
            owner,
            root,
            index,
        };
        self.preflight_validity(root, index, &registered, path)?;
        self.validity(dataset, index, &fields, progress).map(Some)
    }

    /// The proof of [`Site::prove_validity`] for any context, without asking the chain.
    pub fn validity(
        &self,
        dataset: &Dataset,
        index: u64,
        fields: &Context,
        progress: Progress<'_>,
    ) -> Result<Validity, ContributeError> {
        let (registered, path) = registered(dataset, index)?;
        let profile_id = dataset.manifest.profile_id;
        let context = scalar(fields.value(profile_id));
        progress("dataset key");
        let (key, _) = self.keys().prover::<DatasetCircuit>(self.profile, self.srs)?;
        let proving = ProvingContext::new(self.srs, &key)?.within(self.memory_limit)?;
        let shard = shard(dataset, index)?;
        let made = prove_dataset(&proving, shard, &registered, context, &mut |phase| progress(validity_phase(phase)))?;
        let call = DataRegistry::validateShardCall {
            root: dataset.manifest.root,
            index: U256::from(index),
            commitment: solidity_point(&registered.commitment),
            path,
            proof: Bytes::copy_from_slice(&made.proof),
            link: Bytes::copy_from_slice(&made.link.to_bytes()),
        };
        let link = Link { registered: registered.commitment, proof: made.link };
        let bundle = ProofBundle::linked(self.profile, self.srs, fields.clone(), made.instances, made.proof, link);
        Ok(Validity { call, bundle, timings: made.timings })
    }

    /// Asks the registry about everything but the proof, so that a refusal comes before the work.
    fn preflight_validity(
        &self,
        root: B256,
        index: u64,
        registered: &Registered,
        path: [B256; DEPTH],
    ) -> Result<(), ChainError> {
        let call = DataRegistry::validateShardCall {
            root,
            index: U256::from(index),
            commitment: solidity_point(&registered.commitment),
            path,
            proof: Bytes::new(),
            link: Bytes::new(),
        };
        refused_only_for(self.pool.validate_shard(&call, Mode::DryRun), "ZkPocRegistryProofLength")
    }
}

fn validity_phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Step | Phase::Witness => "validity witness",
        Phase::Prove => "validity proof",
        Phase::Link => "validity link",
        Phase::Check => "validity check",
    }
}
