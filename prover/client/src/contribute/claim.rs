//! A claim: the training step that a round draws is proven, stored, and sent.
//!
//! The contract is asked about everything but the proofs first, with empty ones, so that a refusal comes before the work. The
//! proof and what opens its update are stored before anything is sent: a later run sends the same claim again, once it has
//! checked that the stored proof still holds and its opening is of the proven update.

use alloy::primitives::{Bytes, B256, U256};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use zkpoc_circuits::grid::Grid;
use zkpoc_circuits::instance::{LOSS_BOUND, NORM_BOUND};
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{mean_loss, run, Model, RunTrace};
use zkpoc_circuits::training::TrainingCircuit;
use zkpoc_contracts::bindings::digests::{leaf, nullifier, TrainingContext, DEPTH};
use zkpoc_contracts::bindings::Claim;

use super::{
    is_refusal, model_id, refused_only_for, registered, scalar, shard, solidity_point, ContributeError, Progress, Site,
};
use crate::aggregation::MaskSecret;
use crate::chain::words::scalar_to_word;
use crate::chain::{ChainError, Mode, Outcome};
use crate::exchange::{Checker, Source};
use crate::formats::bundle::{verify_bundle, Expected};
use crate::formats::bundle::{Context, Link, ProofBundle};
use crate::home::journal::{Journal, Promise, UpdateKey, OPEN};
use crate::home::{ClaimRecord, Dataset};
use zkpoc_prover::keys::KeyCache;
use zkpoc_prover::link::link_bases;
use zkpoc_prover::measure::{peak_rss_bytes, reset_peak_rss};
use zkpoc_prover::prove::{model_commitment, prove_training_traced, Buckets, ProvingContext, Timings, TrainingRequest};
use zkpoc_prover::srs::Srs;
use zkpoc_prover::verify::{ProofPoints, VerifyError};

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

impl Site<'_> {
    /// Proves the training step that a round draws for a dataset, and stores it; or finds it stored. A masked claim joins a group;
    /// a plain one is included by whoever gets its opening.
    pub fn prepare_claim(
        &self,
        dataset: &Dataset,
        model: &Model,
        number: u64,
        masked: bool,
        progress: Progress<'_>,
    ) -> Result<Prepared, ContributeError> {
        let root = dataset.manifest.root;
        // A claim of an earlier run may be under way; the contract is asked when it is mined.
        self.pool.client().await_own()?;
        let info = self.pool.round(number)?;
        let found = model_id(self.srs, self.profile, model)?;
        if !info.modelId.is_zero() && info.modelId != found {
            return Err(ContributeError::OtherModel { round: number, expected: info.modelId, found });
        }
        let index = self.pool.drawn_index(number, root)?;
        let empty = Claim { round: U256::from(number), ..self.empty_claim(dataset, index)? };
        let mut fields = self.fields(dataset, number, index)?;
        let used = nullifier(found, fields.subject, leaf(fields.profile_id, index, &empty.commitment));
        self.preflight_claim(empty)?;
        if self.pool.aggregation()?.is_posted(used)? {
            return Err(ContributeError::Posted { index });
        }
        if masked {
            self.require_reveal_time(number)?;
        }

        let terms = self.pool.terms()?;
        let bounds = (terms.max_norm_log2, terms.max_loss_log2);
        let id = claim_id(&fields);
        let mut prepared = match self.home.claims()?.contains(&id) {
            true => {
                fields.mask_key = self.stored_key(&id, masked)?;
                self.load_training(dataset, model, &fields)?
            }
            false => {
                let trace = run(self.profile, model, shard(dataset, index)?)?;
                self.check_unpromised(&fields, found, &trace, masked)?;
                let mask = masked.then(MaskSecret::random);
                fields.mask_key = mask.as_ref().map_or(B256::ZERO, MaskSecret::public);
                let prepared = self.prove_trace(dataset, model, trace, &fields, bounds, progress)?;
                self.keep(prepared, &id, mask)?
            }
        };
        if let Some(validity) = self.prove_validity(dataset, index, progress)? {
            prepared.claim.datasetProof = validity.call.proof;
            prepared.claim.datasetLink = validity.call.link;
        }
        Ok(prepared)
    }

    /// The mask key of a stored claim, which must be of the kind that is asked for.
    fn stored_key(&self, id: &str, masked: bool) -> Result<B256, ContributeError> {
        let key = match self.home.load_claim(id, self.profile)?.bundle.context {
            Context::Training(fields) => fields.mask_key,
            Context::Validity { .. } => B256::ZERO,
        };
        let wrong = |found, hint| ContributeError::StoredMode { id: id.to_owned(), found, hint };
        match (key.is_zero(), masked) {
            (true, true) => Err(wrong("plain", "make a plain claim to send it, or move its folder away to prove anew")),
            (false, false) => Err(wrong("masked", "make a masked claim to send it")),
            _ => Ok(key),
        }
    }

    /// Refuses a step whose update was promised to a sum, whatever dataset or claim it comes from.
    fn check_unpromised(
        &self,
        fields: &TrainingContext,
        model_id: B256,
        trace: &RunTrace,
        masked: bool,
    ) -> Result<(), ContributeError> {
        let key = UpdateKey::of(fields.profile_id, model_id, &trace.update);
        // What was handed over by a plain claim may be so again.
        Ok(Journal::of(self.home)?.check_free(&key, (!masked).then_some(OPEN))?)
    }

    /// Proves a training step for a context and stores it; or finds it stored. `bounds` are the widest on squared norm and loss that
    /// are paid for, as powers of two.
    pub fn prepare_training(
        &self,
        dataset: &Dataset,
        model: &Model,
        fields: &TrainingContext,
        bounds: (u8, u8),
        progress: Progress<'_>,
    ) -> Result<Prepared, ContributeError> {
        let id = claim_id(fields);
        if self.home.claims()?.contains(&id) {
            return self.load_training(dataset, model, fields);
        }
        self.keep(self.training(dataset, model, fields, bounds, progress)?, &id, None)
    }

    /// The training step that an earlier run has proven and stored for a context.
    fn load_training(
        &self,
        dataset: &Dataset,
        model: &Model,
        fields: &TrainingContext,
    ) -> Result<Prepared, ContributeError> {
        let id = claim_id(fields);
        tracing::info!(claim = id, "sending the stored claim");
        let record = self.home.load_claim(&id, self.profile)?;
        self.check_stored(&record, model)
            .map_err(|error| ContributeError::Damaged { id: id.clone(), reason: error.to_string() })?;
        let (_, path) = registered(dataset, fields.index)?;
        stored_claim(record, fields, path).ok_or(ContributeError::StoredClaim { id })
    }

    /// Stores a proven step; `mask` is the secret of its context's mask key.
    fn keep(&self, mut prepared: Prepared, id: &str, mask: Option<MaskSecret>) -> Result<Prepared, ContributeError> {
        prepared.record.mask = mask;
        let lock = self.home.lock()?;
        self.home.save_claim(&lock, id, self.profile, &prepared.record)?;
        Ok(prepared)
    }

    /// A claim for a shard without proofs, to ask a contract about everything else.
    pub(crate) fn empty_claim(&self, dataset: &Dataset, index: u64) -> Result<Claim, ContributeError> {
        let (registered, path) = registered(dataset, index)?;
        Ok(Claim {
            round: U256::ZERO,
            root: dataset.manifest.root,
            commitment: solidity_point(&registered.commitment),
            path,
            normLog2: 0,
            lossLog2: 0,
            maskKey: B256::ZERO,
            proof: Bytes::new(),
            link: Bytes::new(),
            datasetProof: Bytes::new(),
            datasetLink: Bytes::new(),
        })
    }

    /// The claim of a round that an earlier run stored; `None` if there is none.
    pub fn stored_record(&self, dataset: &Dataset, round: u64) -> Result<Option<ClaimRecord>, ContributeError> {
        let index = self.pool.drawn_index(round, dataset.manifest.root)?;
        let id = claim_id(&self.fields(dataset, round, index)?);
        match self.home.claims()?.contains(&id) {
            true => Ok(Some(self.home.load_claim(&id, self.profile)?)),
            false => Ok(None),
        }
    }

    /// Hands the opening of a plain claim over; the journal knows of it before. **Everyone who can read the source can compute the
    /// shard from it**, and the update can be in no masked sum any more. The opening of a masked claim never leaves this machine.
    pub fn hand_over(&self, round: u64, record: &ClaimRecord, source: &Source) -> Result<B256, ContributeError> {
        if record.mask.is_some() {
            let (id, found, hint) = (format!("round {round}"), "masked", "its opening is handed to nobody");
            return Err(ContributeError::StoredMode { id, found, hint });
        }
        let model_id = self.pool.round(round)?.modelId;
        let key = UpdateKey::of(record.bundle.profile_id, model_id, &record.opening.update);
        let at = self.mask_place(round)?;
        let promise = Promise::new(at.chain_id, at.contract, round, 0, self.sender()?, OPEN);
        let lock = self.home.lock()?;
        Journal::of(self.home)?.disclose(&lock, &key, &promise)?;
        drop(lock);
        Ok(Checker::new(self.profile, self.srs)?.publish(source, &record.opening)?.0)
    }

    /// Refuses a stored claim whose proof does not hold for the model, or whose opening is of another update.
    fn check_stored(&self, record: &ClaimRecord, model: &Model) -> Result<(), Box<dyn std::error::Error>> {
        let points = check_kept(&self.keys(), self.profile, self.srs, &record.bundle, model)??;
        Ok(Checker::new(self.profile, self.srs)?.check(&record.opening, &points.update)?)
    }

    /// What a claim of the sender is bound to; it is a plain one.
    pub(super) fn fields(&self, dataset: &Dataset, round: u64, index: u64) -> Result<TrainingContext, ContributeError> {
        let root = dataset.manifest.root;
        Ok(TrainingContext {
            chain_id: self.pool.client().chain_id(),
            rounds: self.pool.rounds()?,
            round: U256::from(round),
            claimant: self.sender()?,
            subject: self.pool.dataset(root)?.subject,
            root,
            index,
            profile_id: dataset.manifest.profile_id,
            mask_key: B256::ZERO,
        })
    }

    /// The proof of [`Site::prepare_training`], without storing it.
    pub fn training(
        &self,
        dataset: &Dataset,
        model: &Model,
        fields: &TrainingContext,
        bounds: (u8, u8),
        progress: Progress<'_>,
    ) -> Result<Prepared, ContributeError> {
        let trace = run(self.profile, model, shard(dataset, fields.index)?)?;
        self.prove_trace(dataset, model, trace, fields, bounds, progress)
    }

    /// The proof of a step that is computed already.
    fn prove_trace(
        &self,
        dataset: &Dataset,
        model: &Model,
        trace: RunTrace,
        fields: &TrainingContext,
        (max_norm_log2, max_loss_log2): (u8, u8),
        progress: Progress<'_>,
    ) -> Result<Prepared, ContributeError> {
        let (registered, path) = registered(dataset, fields.index)?;
        let shard = shard(dataset, fields.index)?;
        progress("training key");
        let (key, _) = self.keys().prover::<TrainingCircuit>(self.profile, self.srs)?;
        let proving = ProvingContext::new(self.srs, &key)?.within(self.memory_limit)?;
        // The buckets are coarse, and never wider than what is paid for.
        let coarse = Buckets::covering(key.circuit().plan(), &trace);
        let narrow = |value: u128, coarse: u32, most: u8| match value >> u32::from(most).min(127) {
            0 => coarse.min(most.into()),
            _ => coarse,
        };
        let buckets = Buckets {
            norm_log2: narrow(trace.norm, coarse.norm_log2, max_norm_log2),
            loss_log2: narrow(trace.loss, coarse.loss_log2, max_loss_log2),
        };
        let request = TrainingRequest {
            model,
            shard,
            registered: &registered,
            buckets: Some(buckets),
            context: scalar(fields.value()),
        };
        let measured = reset_peak_rss();
        let made = prove_training_traced(&proving, &request, trace, &mut |phase| progress(phase.name()))?;
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
            maskKey: fields.mask_key,
            proof: Bytes::copy_from_slice(&made.proof),
            link: Bytes::copy_from_slice(&made.link.to_bytes()),
            datasetProof: Bytes::new(),
            datasetLink: Bytes::new(),
        };
        let link = Link { registered: registered.commitment, proof: made.link };
        let context = Context::Training(*fields);
        let bundle = ProofBundle::linked(self.profile, self.srs, context, made.instances, made.proof, link);
        Ok(Prepared {
            claim,
            record: ClaimRecord { bundle, opening: made.opening, mask: None },
            index: fields.index,
            buckets,
            loss: Some(made.loss),
            timings: made.timings,
            peak_rss_bytes,
            stored: false,
        })
    }

    /// Asks the contract about everything but the proofs.
    fn preflight_claim(&self, empty: Claim) -> Result<(), ChainError> {
        let answer = self.pool.claim(empty, Mode::DryRun);
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

/// Whether a kept proof says that it is one of this statement; whether it holds is found out by [`check_kept`]. Without `bounds`
/// any will do.
pub fn is_kept_for(
    bundle: &ProofBundle,
    fields: &TrainingContext,
    registered: &G1Affine,
    bounds: Option<Buckets>,
) -> bool {
    let log2 = |bits: u32| Fr::from(2).pow([u64::from(bits)]);
    let shows = |bounds: Buckets| {
        bundle.instances.get(NORM_BOUND) == Some(&log2(bounds.norm_log2))
            && bundle.instances.get(LOSS_BOUND) == Some(&log2(bounds.loss_log2))
    };
    bundle.context == Context::Training(*fields)
        && bundle.link.as_ref().is_some_and(|link| link.registered == *registered)
        && bounds.is_none_or(shows)
}

/// Verifies a kept training proof again: that it is linked, and about a model.
///
/// # Errors
/// The outer one says that it could not be found out, the inner one that the proof does not hold.
pub fn check_kept(
    keys: &KeyCache,
    profile: &Profile,
    srs: &Srs,
    bundle: &ProofBundle,
    model: &Model,
) -> Result<Result<ProofPoints, VerifyError>, ContributeError> {
    let (key, _) = keys.verifier::<TrainingCircuit>(profile, srs)?;
    let points = model_commitment(srs, &Grid::new(profile)?, model)?;
    let expected = Expected { model: Some(&points), linked: true };
    Ok(verify_bundle(&key, srs, &link_bases(srs)?, bundle, &expected))
}

/// The claim behind a stored record; `None` if the record is not that of these fields.
fn stored_claim(record: ClaimRecord, fields: &TrainingContext, path: [B256; DEPTH]) -> Option<Prepared> {
    let bundle = &record.bundle;
    let link = bundle.link.as_ref().filter(|_| bundle.context == Context::Training(*fields))?;
    let log2 = |input: usize| {
        let bound = bundle.instances.get(input).map(scalar_to_word)?;
        u32::try_from(bound.bit_len().checked_sub(1)?).ok()
    };
    let buckets = Buckets { norm_log2: log2(NORM_BOUND)?, loss_log2: log2(LOSS_BOUND)? };
    let claim = Claim {
        round: fields.round,
        root: fields.root,
        commitment: solidity_point(&link.registered),
        path,
        normLog2: u8::try_from(buckets.norm_log2).ok()?,
        lossLog2: u8::try_from(buckets.loss_log2).ok()?,
        maskKey: fields.mask_key,
        proof: Bytes::copy_from_slice(&bundle.proof),
        link: Bytes::copy_from_slice(&link.proof.to_bytes()),
        datasetProof: Bytes::new(),
        datasetLink: Bytes::new(),
    };
    Some(Prepared {
        claim,
        record,
        index: fields.index,
        buckets,
        loss: None,
        timings: Timings::default(),
        peak_rss_bytes: None,
        stored: true,
    })
}
