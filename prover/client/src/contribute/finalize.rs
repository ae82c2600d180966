//! The end of a round: its claims' updates are added up, the next model is proven, published and acknowledged.
//!
//! Whoever finalizes gets the openings of the claims from a source ([`crate::exchange`]), checks each against the points of
//! its claim, and includes all that are there. The proof is stored before anything is sent: a later run sends it again as long
//! as the same claims are to be included and the stored proof holds.
//!
//! # Soundness
//! Nothing here is trusted by anyone: the contract adds up the commitments itself and verifies the proof. What is checked
//! here saves the work of a proof that it would refuse.

use std::time::Duration;

use alloy::primitives::{Address, Bytes, B256, U256};
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use serde::{Deserialize, Serialize};
use zkpoc_circuits::grid::Grid;
use zkpoc_circuits::reference::Model;
use zkpoc_circuits::round::RoundCircuit;
use zkpoc_contracts::bindings::digests::commitment_id;
use zkpoc_contracts::bindings::digests::{claim_hash, claims_hashes, genesis_context, round_context, set_hash};
use zkpoc_contracts::bindings::{ClaimRecord, ContributionRounds, Finalization};

use super::masked::{Absent, GroupSum};
use super::{model_id, scalar, ContributeError, Progress, Site};
use crate::chain::words::points_id;
use crate::chain::{Mode, Outcome};
use crate::exchange::acknowledgement::{Acknowledgement, Forum};
use crate::exchange::source::Source;
use crate::exchange::{Checker, Item};
use zkpoc_engine::encoding::point_to_bytes;
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::Overwrite;
use zkpoc_prover::measure::{peak_rss_bytes, reset_peak_rss};
use zkpoc_prover::prove::{prove_round, ProvingContext, RoundRequest, Timings, UpdateOpening};
use zkpoc_prover::verify::verify_round_alone;

/// Largest stored finalization, bytes.
const LIMIT: u64 = 1 << 20;

/// A claim of a round, as its event tells it and the contract's hash of all claims confirms it.
#[derive(Clone, Debug)]
pub struct RoundClaim {
    /// What the contract is given.
    pub record: ClaimRecord,
    /// Its hash.
    pub hash: B256,
    /// Id of its update's commitment.
    pub update_id: B256,
    /// Subject of the dataset.
    pub subject: B256,
}

/// A finalization, ready but for its acknowledgements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finalized {
    /// The round.
    pub round: u64,
    /// Hash of the included claims.
    pub set_hash: B256,
    /// Bit i stands for claim i.
    pub included: U256,
    /// Number of included claims.
    pub count: u64,
    /// Id of the next model.
    pub model_id: B256,
    /// The proof, without the points of the sum.
    pub proof: Bytes,
}

/// A proven finalization and what it took.
#[derive(Debug)]
pub struct Prepared {
    /// The finalization.
    pub finalized: Finalized,
    /// Every claim of the round.
    pub claims: Vec<RoundClaim>,
    /// Claims that are left out: plain ones without an opening at the source, members of groups that are not whole.
    pub missing: Vec<u64>,
    /// The groups that are left out, and why.
    pub absent: Vec<Absent>,
    /// Times; all zero for one that was stored before.
    pub timings: Timings,
    /// Largest resident memory while the proof was made; `None` where the system does not say.
    pub peak_rss_bytes: Option<u64>,
    /// It was stored by an earlier run.
    pub stored: bool,
}

/// All updates of a round whose openings or shares are at a source, added up.
#[derive(Debug)]
pub struct Aggregate {
    /// Every claim of the round.
    pub claims: Vec<RoundClaim>,
    /// Bit i stands for claim i.
    pub included: U256,
    /// Claims that are left out.
    pub missing: Vec<u64>,
    /// The groups that are left out, and why.
    pub absent: Vec<Absent>,
    /// The sum of the updates and of their random rows.
    pub sum: UpdateOpening,
}

/// A pool's first model with its proof.
#[derive(Debug)]
pub struct FirstModel {
    /// The model.
    pub model: Model,
    /// Its id.
    pub model_id: B256,
    /// The proof.
    pub proof: Vec<u8>,
    /// How long it took.
    pub prove: Duration,
}

impl Site<'_> {
    /// The public start model of a seed, proven to be in range for this pool.
    pub fn prove_first_model(&self, seed: B256, progress: Progress<'_>) -> Result<FirstModel, ContributeError> {
        self.prove_start_model(self.pool.rounds()?, seed, progress)
    }

    /// The public start model of a seed, proven to be in range for a contract that takes such a proof.
    pub fn prove_start_model(
        &self,
        contract: Address,
        seed: B256,
        progress: Progress<'_>,
    ) -> Result<FirstModel, ContributeError> {
        let model = Model::random(self.profile, seed.0);
        let grid = Grid::new(self.profile)?;
        let chain_id = self.pool.client().chain_id();
        let context = scalar(genesis_context(chain_id, contract, seed, B256::new(self.profile.id())));
        progress("round key");
        let (key, _) = self.keys().prover::<RoundCircuit>(self.profile, self.srs)?;
        let proving = ProvingContext::new(self.srs, &key)?.within(self.memory_limit)?;
        let sum = UpdateOpening::of_first_model(self.profile, &grid, &model);
        let request = RoundRequest { model: &Model::zero(self.profile), sum: &sum, claims: 1, context };
        let made = prove_round(&proving, &request, &mut |phase| progress(phase.name()))?;
        let model_id = points_id(&made.points.next)?;
        Ok(FirstModel { model, model_id, proof: made.proof, prove: made.timings.prove })
    }

    /// The claims of a round, from the chain.
    pub fn claims(&self, round: u64) -> Result<Vec<RoundClaim>, ContributeError> {
        // Asked before the events: a claim that comes between is left out.
        let expected = self.pool.claims_hash(round)?;
        let mut events: Vec<_> = self.pool.rounds_events::<ContributionRounds::ContributionProven>()?;
        events.retain(|event| event.round == U256::from(round));
        events.sort_by_key(|event| event.number);
        let mut claims = Vec::new();
        for event in events {
            let update_id = commitment_id(&event.update)?;
            let hash = claim_hash(event.claimant, event.reward, event.nullifier, update_id, event.maskKey);
            // A reward is part of a budget of 96 bits.
            let reward = event.reward.to();
            let record = ClaimRecord {
                claimant: event.claimant,
                reward,
                nullifier: event.nullifier,
                maskKey: event.maskKey,
                update: event.update,
            };
            claims.push(RoundClaim { record, hash, update_id, subject: event.subject });
        }
        let hashes: Vec<B256> = claims.iter().map(|claim| claim.hash).collect();
        let kept = claims_hashes(U256::from(round), &hashes).into_iter().position(|hash| hash == expected);
        let count = kept.ok_or(ContributeError::ClaimsHash { round, claims: claims.len(), expected })?;
        claims.truncate(count);
        Ok(claims)
    }

    /// Adds up all updates of a round whose openings or shares are at a source: plain claims one by one, groups as a whole.
    pub fn aggregate(&self, round: u64, source: &Source) -> Result<Aggregate, ContributeError> {
        let seen = self.masked_round(round, 0)?;
        let groups = self.group_sums(&seen, source)?;
        self.aggregate_with(round, seen.claims, groups, source)
    }

    /// The same, with the sums of the groups.
    pub(super) fn aggregate_with(
        &self,
        round: u64,
        claims: Vec<RoundClaim>,
        (sums, absent): (Vec<GroupSum>, Vec<Absent>),
        source: &Source,
    ) -> Result<Aggregate, ContributeError> {
        let checker = Checker::new(self.profile, self.srs)?;
        let mut included = sums.iter().fold(U256::ZERO, |bits, sum| bits | sum.members);
        let mut openings: Vec<UpdateOpening> = sums.into_iter().map(|sum| sum.opening).collect();
        let mut missing = Vec::new();
        for (position, claim) in claims.iter().enumerate() {
            if !claim.record.maskKey.is_zero() {
                if !included.bit(position) {
                    missing.push(position as u64);
                }
                continue;
            }
            match checker.fetch(source, claim.update_id) {
                Ok(Some(opening)) => {
                    included |= U256::ONE << position;
                    openings.push(opening);
                }
                Ok(None) => missing.push(position as u64),
                // One bad opening must not keep the others from their reward.
                Err(error) if error.is_refusal() => {
                    tracing::warn!(claim = position, %error, "this opening is left out");
                    missing.push(position as u64);
                }
                Err(error) => return Err(error.into()),
            }
        }
        if openings.is_empty() {
            let why =
                absent.first().map_or(String::new(), |absent| format!("; group {}: {}", absent.group, absent.reason));
            return Err(ContributeError::NoOpenings { round, claims: claims.len(), why });
        }
        let grid = Grid::new(self.profile)?;
        let sum = UpdateOpening::sum(self.profile, &grid, &openings);
        Ok(Aggregate { claims, included, missing, absent, sum })
    }

    /// Proves the next model from all claims whose openings or shares are at the source; or finds the proof stored. Publishes the model.
    pub fn prepare_finalization(
        &self,
        model: &Model,
        round: u64,
        source: &Source,
        progress: Progress<'_>,
    ) -> Result<Prepared, ContributeError> {
        self.require_model(round, model)?;
        progress("claims and their openings");
        let Aggregate { claims, included, missing, absent, sum } = self.aggregate(round, source)?;
        let hashes: Vec<B256> =
            (0..).zip(&claims).filter(|(i, _)| included.bit(*i)).map(|(_, claim)| claim.hash).collect();
        let set_hash = set_hash(&hashes);
        let count = hashes.len() as u64;
        let id = self.finalization_id(round, set_hash)?;
        let grid = Grid::new(self.profile)?;
        let next = model.apply_mean(self.profile, &sum.update, count);
        let fields = (self.pool.client().chain_id(), self.pool.rounds()?);
        let profile_id = B256::new(self.profile.id());
        let context = scalar(round_context(fields.0, fields.1, U256::from(round), set_hash, profile_id));
        let stored = self
            .load_finalization(&id)?
            .filter(|found| found.round == round && found.set_hash == set_hash && found.included == included);
        let stored = match stored {
            Some(found) if self.holds(&found, context, &sum.commit(self.srs, &grid)?, &next)? => Some(found),
            _ => None,
        };
        let (finalized, timings, peak, was_stored) = match stored {
            Some(found) => (found, Timings::default(), None, true),
            None => {
                progress("round key");
                let (key, _) = self.keys().prover::<RoundCircuit>(self.profile, self.srs)?;
                let proving = ProvingContext::new(self.srs, &key)?.within(self.memory_limit)?;
                reset_peak_rss();
                let request = RoundRequest { model, sum: &sum, claims: count, context };
                let made = prove_round(&proving, &request, &mut |phase| progress(phase.name()))?;
                let peak = peak_rss_bytes();
                // The contract puts in its own points of the sum.
                let (from, to) = (64 * self.profile.model_points(), 128 * self.profile.model_points());
                let proof = [&made.proof[..from], &made.proof[to..]].concat();
                let model_id = points_id(&made.points.next)?;
                let finalized = Finalized { round, set_hash, included, count, model_id, proof: proof.into() };
                self.save_finalization(&id, &finalized)?;
                (finalized, made.timings, peak, false)
            }
        };
        progress("publish the next model");
        self.publish_model(&next, finalized.model_id, source)?;
        Ok(Prepared { finalized, claims, missing, absent, timings, peak_rss_bytes: peak, stored: was_stored })
    }

    /// The acknowledgements of a finalization at a source: one place for each claim, empty where there is none.
    pub fn acknowledgements(&self, prepared: &Prepared, source: &Source) -> Result<Vec<Bytes>, ContributeError> {
        let forum = self.forum()?;
        let mut out = Vec::new();
        for claim in &prepared.claims {
            let (round, model) = (prepared.finalized.round, prepared.finalized.model_id);
            let item = Item::Acknowledgement { round, model, account: claim.record.claimant };
            let said = source.fetch(&item)?.and_then(|bytes| match Acknowledgement::from_json(&bytes) {
                Ok(said) if said.forum == forum && said.item() == item => Some(said),
                Ok(_) => None,
                Err(error) => {
                    tracing::warn!(%item, %error, "this acknowledgement is left out");
                    None
                }
            });
            out.push(said.map_or_else(Bytes::new, |said| Bytes::copy_from_slice(&said.signature)));
        }
        Ok(out)
    }

    /// Whether a stored proof still holds, for this sum and next model; a damaged one is made anew.
    fn holds(&self, found: &Finalized, context: Fr, sum: &[G1Affine], next: &Model) -> Result<bool, ContributeError> {
        let Some((head, rest)) = found.proof.split_at_checked(64 * self.profile.model_points()) else {
            return Ok(false);
        };
        let points: Vec<u8> = sum.iter().flat_map(point_to_bytes).collect();
        let (key, _) = self.keys().verifier::<RoundCircuit>(self.profile, self.srs)?;
        let inputs = [context, Fr::from(found.count)];
        let checked = verify_round_alone(&key, self.srs, &[head, &points, rest].concat(), &inputs);
        let next = model_id(self.srs, self.profile, next)?;
        Ok(found.model_id == next && checked.is_ok_and(|points| points_id(&points.next).is_ok_and(|id| id == next)))
    }

    /// Whether the finalization that stands in its round, or has settled it, is this one: an earlier run has sent it.
    pub fn stands(&self, finalized: &Finalized) -> Result<bool, ContributeError> {
        self.pool.client().await_own()?;
        let proposal = self.pool.proposal(finalized.round)?;
        Ok(proposal.included == finalized.included && proposal.modelId == finalized.model_id)
    }

    /// Sends a finalization.
    pub fn finalize(
        &self,
        prepared: &Prepared,
        acknowledgements: Vec<Bytes>,
        mode: Mode,
    ) -> Result<Outcome, ContributeError> {
        let Finalized { round, included, proof, .. } = prepared.finalized.clone();
        let records = prepared.claims.iter().map(|claim| claim.record.clone()).collect();
        let request = Finalization { round: U256::from(round), included, records, proof, acknowledgements };
        Ok(self.pool.finalize(request, mode)?)
    }

    /// Where acknowledgements of this pool count.
    pub fn forum(&self) -> Result<Forum, ContributeError> {
        Ok(Forum { chain_id: self.pool.client().chain_id(), rounds: self.pool.rounds()? })
    }

    /// The model of a round, from a source, checked against the round.
    pub fn fetch_model(&self, id: B256, source: &Source) -> Result<Model, ContributeError> {
        let item = Item::Model(id);
        let bytes = source.fetch(&item)?.ok_or_else(|| ContributeError::NoModel { origin: source.origin(&item) })?;
        let model = crate::formats::tensors::read_model(self.profile, &bytes)
            .map_err(|source| ContributeError::Tensors { source })?;
        let found = model_id(self.srs, self.profile, &model)?;
        match found == id {
            true => Ok(model),
            false => Err(ContributeError::ModelId { origin: source.origin(&item), expected: id, found }),
        }
    }

    /// Publishes a model under its id.
    pub fn publish_model(&self, model: &Model, id: B256, source: &Source) -> Result<(), ContributeError> {
        let bytes = crate::formats::tensors::write_model(self.profile, model)
            .map_err(|source| ContributeError::Tensors { source })?;
        Ok(source.publish(&Item::Model(id), &bytes).map(drop)?)
    }

    fn require_model(&self, round: u64, model: &Model) -> Result<(), ContributeError> {
        let expected = self.pool.round(round)?.modelId;
        let found = model_id(self.srs, self.profile, model)?;
        match expected == found {
            true => Ok(()),
            false => Err(ContributeError::OtherModel { round, expected, found }),
        }
    }

    fn finalization_id(&self, round: u64, set_hash: B256) -> Result<String, ContributeError> {
        let short = |bytes: &[u8]| hex::encode(&bytes[..4]);
        let chain_id = self.pool.client().chain_id();
        Ok(format!("{chain_id}-{}-r{round}-{}", short(self.pool.rounds()?.as_slice()), short(set_hash.as_slice())))
    }

    fn finalization_file(&self, id: &str) -> std::path::PathBuf {
        self.home.finalizations_dir().join(format!("{id}.json"))
    }

    fn save_finalization(&self, id: &str, finalized: &Finalized) -> Result<(), ContributeError> {
        let file = self.finalization_file(id);
        if let Some(folder) = file.parent() {
            fsio::create_secret_dir(folder)?;
        }
        // invariant: numbers and byte strings serialise.
        let text = serde_json::to_vec(finalized).expect("a finalization");
        Ok(fsio::write(&file, &text, Overwrite::Replace)?)
    }

    fn load_finalization(&self, id: &str) -> Result<Option<Finalized>, ContributeError> {
        let file = self.finalization_file(id);
        match fsio::read(&file, LIMIT) {
            // A file that cannot be read is proven anew.
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
