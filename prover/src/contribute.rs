//! A contributor's way through a round: register, validate, prove, claim.
//!
//! Each step first asks the chain whether it is needed and whether it would be accepted, then does the slow work, stores
//! what must not be lost, and sends last. So every step can be run again after a crash: a registered dataset and a validated
//! shard are left alone, and a stored claim is sent as it is instead of being proven anew.
//!
//! # Errors
//! [`ContributeError`].

use alloy::primitives::{Address, Bytes, B256, U256};
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::grid::{Grid, LayoutError};
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{mean_loss, step, Model, ReferenceError};
use zkpoc_circuits::training::TrainingCircuit;
use zkpoc_contracts::bindings::digests::{commitment_id, merkle_path, DigestError, TrainingContext, DEPTH};
use zkpoc_contracts::bindings::{Claim, DataRegistry, G1Point};

use crate::attest::{AttestError, Audience, SignedAttestation};
use crate::chain::{ChainError, Mode, Outcome, PoolClient};
use crate::commit::{point_to_bytes, point_to_words, scalar_from_bytes, CommitError};
use crate::formats::bundle::{CircuitKind, Context, Link, ProofBundle};
use crate::home::{ClaimRecord, Dataset, DatasetManifest, Home, HomeError};
use crate::keys::{KeyCache, KeyError};
use crate::metrics::{peak_rss_bytes, reset_peak_rss};
use crate::prove::{
    model_commitment, prove_dataset, prove_training, Buckets, Phase, ProveError, ProvingContext, Registered, Timings,
    TrainingRequest,
};
use crate::srs::Srs;

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
    /// No round was opened yet.
    #[error("the pool has no round yet; its operator opens one with `zkpoc round open --genesis`")]
    NoRound,
}

impl ContributeError {
    /// The decoded error, when a contract refused.
    pub fn refusal(&self) -> Option<&crate::chain::Revert> {
        match self {
            Self::Chain(error) => error.revert(),
            _ => None,
        }
    }
}

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
}

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

/// A claim, ready to be sent.
#[derive(Debug)]
pub struct Prepared {
    /// The call.
    pub claim: Claim,
    /// The proof, and the update with what opens its commitments.
    pub record: ClaimRecord,
    /// The drawn shard.
    pub index: u64,
    /// What the proof shows.
    pub buckets: Buckets,
    /// Sum of the squared output signals; `None` for a claim that was stored before.
    pub loss: Option<u128>,
    /// Times; all zero for a claim that was stored before.
    pub timings: Timings,
    /// Largest resident memory while the proof was made; `None` where the system does not say.
    pub peak_rss_bytes: Option<u64>,
    /// The claim was stored by an earlier run.
    pub stored: bool,
}

/// The id of a model's commitment, as rounds name it.
pub fn model_id(srs: &Srs, profile: &Profile, model: &Model) -> Result<B256, ContributeError> {
    model.check(profile)?;
    let points = model_commitment(srs, &Grid::new(profile)?, model)?;
    Ok(commitment_id(&points.iter().flat_map(point_to_bytes).collect::<Vec<u8>>())?)
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
        if self.pool.dataset(manifest.root)?.owner == owner {
            return Ok(None);
        }
        Ok(Some(self.pool.register(&signed.attestation, &signed.signature, mode)?))
    }

    /// Proves shard `index` of a registered dataset well-formed; `None` if it was proven before.
    pub fn prove_validity(
        &self,
        dataset: &Dataset,
        index: u64,
        progress: Progress<'_>,
    ) -> Result<Option<Validity>, ContributeError> {
        let (registered, path) = registered(dataset, index)?;
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
        let proving = ProvingContext::new(self.srs, &key)?;
        let shard = &dataset.shards[index as usize];
        let made = prove_dataset(&proving, shard, &registered, context, &mut |phase| progress(validity_phase(phase)))?;
        let call = DataRegistry::validateShardCall {
            root: dataset.manifest.root,
            index: U256::from(index),
            commitment: solidity_point(&registered.commitment),
            path,
            proof: Bytes::copy_from_slice(&made.proof),
            link: Bytes::copy_from_slice(&made.link.to_bytes()),
        };
        let bundle = ProofBundle {
            profile: self.profile.name.clone(),
            profile_id,
            circuit: CircuitKind::Dataset,
            k: self.profile.k,
            srs_digest: self.srs.digest(),
            context: fields.clone(),
            instances: made.instances,
            proof: made.proof,
            link: Some(Link { registered: registered.commitment, proof: made.link }),
        };
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

    /// Proves the training step that a round draws for a dataset, and stores it; or finds it stored.
    pub fn prepare_claim(
        &self,
        dataset: &Dataset,
        model: &Model,
        round: Option<u64>,
        progress: Progress<'_>,
    ) -> Result<Prepared, ContributeError> {
        let claimant = self.sender()?;
        let number = match round {
            Some(number) => number,
            None => self.pool.current_round()?,
        };
        if number == 0 {
            return Err(ContributeError::NoRound);
        }
        let root = dataset.manifest.root;
        let info = self.pool.round(number)?;
        let found = model_id(self.srs, self.profile, model)?;
        if !info.modelId.is_zero() && info.modelId != found {
            return Err(ContributeError::OtherModel { round: number, expected: info.modelId, found });
        }
        let index = self.pool.drawn_index(number, root)?;
        let (registered, path) = registered(dataset, index)?;
        self.preflight_claim(number, root, &registered, path)?;

        let registry_entry = self.pool.dataset(root)?;
        let fields = TrainingContext {
            chain_id: self.pool.client().chain_id(),
            rounds: self.pool.rounds()?,
            round: U256::from(number),
            claimant,
            subject: registry_entry.subject,
            root,
            index,
            profile_id: dataset.manifest.profile_id,
        };
        let id = claim_id(&fields);
        let mut prepared = if self.home.claims()?.contains(&id) {
            tracing::info!(claim = id, "sending the stored claim");
            let record = self.home.load_claim(&id, self.profile)?;
            stored_claim(record, path, number, root)?
        } else {
            let prepared = self.training(dataset, model, &fields, progress)?;
            let lock = self.home.lock()?;
            self.home.save_claim(&lock, &id, self.profile, &prepared.record)?;
            prepared
        };
        if let Some(validity) = self.prove_validity(dataset, index, progress)? {
            prepared.claim.datasetProof = validity.call.proof;
            prepared.claim.datasetLink = validity.call.link;
        }
        Ok(prepared)
    }

    /// The proof of [`Site::prepare_claim`] for any context, without asking the chain for more than the policy's bounds.
    pub fn training(
        &self,
        dataset: &Dataset,
        model: &Model,
        fields: &TrainingContext,
        progress: Progress<'_>,
    ) -> Result<Prepared, ContributeError> {
        let (registered, path) = registered(dataset, fields.index)?;
        let shard = &dataset.shards[fields.index as usize];
        let terms = self.pool.terms()?;
        progress("training key");
        let (key, _) = self.keys().prover::<TrainingCircuit>(self.profile, self.srs)?;
        let proving = ProvingContext::new(self.srs, &key)?;
        // The buckets are coarse, and never wider than what is paid for.
        let trace = step(self.profile, model, shard)?;
        let coarse = Buckets::covering(key.circuit().plan(), &trace);
        let narrow = |value: u128, coarse: u32, most: u8| match value >> u32::from(most).min(127) {
            0 => coarse.min(most.into()),
            _ => coarse,
        };
        let buckets = Buckets {
            norm_log2: narrow(trace.norm, coarse.norm_log2, terms.max_norm_log2),
            loss_log2: narrow(trace.loss, coarse.loss_log2, terms.max_loss_log2),
        };
        let request = TrainingRequest {
            model,
            shard,
            registered: &registered,
            buckets: Some(buckets),
            context: scalar(fields.value()),
        };
        let measured = reset_peak_rss();
        let made = prove_training(&proving, &request, &mut |phase| progress(phase.name()))?;
        let peak_rss_bytes = peak_rss_bytes();
        if !measured {
            tracing::debug!("the peak memory includes what came before the proof");
        }
        let claim = Claim {
            round: fields.round,
            root: fields.root,
            commitment: solidity_point(&registered.commitment),
            path,
            normLog2: buckets.norm_log2 as u8,
            lossLog2: buckets.loss_log2 as u8,
            proof: Bytes::copy_from_slice(&made.proof),
            link: Bytes::copy_from_slice(&made.link.to_bytes()),
            datasetProof: Bytes::new(),
            datasetLink: Bytes::new(),
        };
        let bundle = ProofBundle {
            profile: self.profile.name.clone(),
            profile_id: fields.profile_id,
            circuit: CircuitKind::Training,
            k: self.profile.k,
            srs_digest: self.srs.digest(),
            context: Context::Training(*fields),
            instances: made.instances,
            proof: made.proof,
            link: Some(Link { registered: registered.commitment, proof: made.link }),
        };
        Ok(Prepared {
            claim,
            record: ClaimRecord { bundle, opening: made.opening },
            index: fields.index,
            buckets,
            loss: Some(made.loss),
            timings: made.timings,
            peak_rss_bytes,
            stored: false,
        })
    }

    /// Asks the contract about everything but the proofs.
    fn preflight_claim(
        &self,
        round: u64,
        root: B256,
        registered: &Registered,
        path: [B256; DEPTH],
    ) -> Result<(), ChainError> {
        let request = Claim {
            round: U256::from(round),
            root,
            commitment: solidity_point(&registered.commitment),
            path,
            normLog2: 0,
            lossLog2: 0,
            proof: Bytes::new(),
            link: Bytes::new(),
            datasetProof: Bytes::new(),
            datasetLink: Bytes::new(),
        };
        let answer = self.pool.claim(request, Mode::DryRun);
        match refused_only_for(answer, "ZkPocRoundsNotValidated") {
            Err(error) if is_refusal(&error, "ZkPocRoundsProofLength") => Ok(()),
            other => other,
        }
    }

    /// Sends a prepared claim.
    pub fn claim(&self, prepared: &Prepared, mode: Mode) -> Result<Outcome, ContributeError> {
        Ok(self.pool.claim(prepared.claim.clone(), mode)?)
    }

    /// The mean loss of a record, from a claim's exact loss.
    pub fn mean_loss(&self, loss: u128) -> f64 {
        mean_loss(self.profile, loss)
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

/// What is registered for a shard, and its path.
fn registered(dataset: &Dataset, index: u64) -> Result<(Registered, [B256; DEPTH]), ContributeError> {
    let manifest = &dataset.manifest;
    let place = usize::try_from(index).ok().filter(|place| *place < dataset.shards.len());
    let commitment = place.and_then(|place| manifest.commitments.get(place));
    let (Some(place), Some(commitment)) = (place, commitment) else {
        return Err(ContributeError::NoShard { last: dataset.shards.len().saturating_sub(1), index });
    };
    let path = merkle_path(&manifest.leaves(), place)?;
    Ok((Registered { commitment: *commitment, blinding: dataset.blinding(index) }, path))
}

fn validity_phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Step | Phase::Witness => "validity witness",
        Phase::Prove => "validity proof",
        Phase::Link => "validity link",
        Phase::Check => "validity check",
    }
}

/// The name a claim is stored under: one for each chain, contract, round and dataset.
pub fn claim_id(fields: &TrainingContext) -> String {
    let short = |bytes: &[u8]| hex::encode(&bytes[..4]);
    format!(
        "{}-{}-r{}-{}",
        fields.chain_id,
        short(fields.rounds.as_slice()),
        fields.round,
        short(fields.root.as_slice())
    )
}

/// The claim behind a stored record.
fn stored_claim(record: ClaimRecord, path: [B256; DEPTH], round: u64, root: B256) -> Result<Prepared, ContributeError> {
    let bundle = &record.bundle;
    let log2 = |input: usize| {
        let word = crate::commit::scalar_to_word(&bundle.instances[input]);
        word.bit_len().saturating_sub(1) as u32
    };
    let buckets = Buckets {
        norm_log2: log2(zkpoc_circuits::instance::NORM_BOUND),
        loss_log2: log2(zkpoc_circuits::instance::LOSS_BOUND),
    };
    let index = match bundle.context {
        Context::Training(fields) => fields.index,
        Context::Validity { index, .. } => index,
    };
    let link = bundle.link.as_ref();
    let claim = Claim {
        round: U256::from(round),
        root,
        commitment: link
            .map(|link| solidity_point(&link.registered))
            .unwrap_or(G1Point { x: U256::ZERO, y: U256::ZERO }),
        path,
        normLog2: buckets.norm_log2 as u8,
        lossLog2: buckets.loss_log2 as u8,
        proof: Bytes::copy_from_slice(&bundle.proof),
        link: link.map(|link| Bytes::copy_from_slice(&link.proof.to_bytes())).unwrap_or_default(),
        datasetProof: Bytes::new(),
        datasetLink: Bytes::new(),
    };
    Ok(Prepared {
        claim,
        record,
        index,
        buckets,
        loss: None,
        timings: Timings::default(),
        peak_rss_bytes: None,
        stored: true,
    })
}
