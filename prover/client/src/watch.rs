//! Following a pool: the proofs of first models, claims and finalizations that the chain accepted are verified again, natively,
//! from their transactions.
//!
//! # What is checked
//! | event | from the transaction | checked |
//! |---|---|---|
//! | `GenesisSet` | `openGenesis` | round proof from the model of all zeros; the model is the seed's |
//! | `ContributionProven` | `claim` | training proof under the claim's context, about the round's model; link; update points |
//! | `RoundFinalized` | `finalize` | the sum of the included updates, round proof under the round's context, next model |
//!
//! The proofs that shards are well-formed (`validateShard`, and `datasetProof` of a claim) are **not** verified again: that a shard
//! is valid rests on the verifier contract. The other events are told without a check: those of the groups of masked rounds, and that
//! the router stopped the pool or froze a route. A transaction that reached the contract through another one shows no proof: that is
//! said, and counts as not verified.
//!
//! # Errors
//! [`ContributeError`] when the chain cannot be read; a proof that does not hold is a [`Seen`] that is not good.

use alloy::primitives::{B256, U256};
use alloy::rpc::types::Log;
use alloy::sol_types::{SolCall, SolEvent, SolEventInterface};
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use serde::Serialize;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::Model;
use zkpoc_contracts::bindings::digests::{
    claim_hash, claims_hashes, commitment_id, genesis_context, round_context, set_hash, TrainingContext,
};
use zkpoc_contracts::bindings::{Claim, ContributionRounds, Finalization, SecureAggregation, VerifierRouter};

use crate::chain::words::{point_from_words, points_id};
use crate::chain::PoolClient;
use crate::contracts_gen::ProfileKeys;
use crate::contribute::{model_id, ContributeError};
use zkpoc_engine::encoding::{point_to_bytes, scalar_from_bytes};
use zkpoc_prover::commit::sum_of_points;
use zkpoc_prover::link::{link_bases, LinkBases, LinkProof};
use zkpoc_prover::srs::Srs;
use zkpoc_prover::verify::{verify_alone, verify_data_link, verify_round_alone, RoundPoints};

/// One event of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Block.
    pub block: u64,
    /// Transaction.
    pub transaction: B256,
    /// Name of the event.
    pub event: &'static str,
    /// The round.
    pub round: u64,
    /// Whether a proof came with it and was verified again; `None` for events without one.
    pub verified: Option<bool>,
    /// What happened, or why it does not hold.
    pub text: String,
}

/// What verifies a pool's proofs.
#[derive(Debug)]
pub struct Watcher<'a> {
    pool: &'a PoolClient<'a>,
    profile: &'a Profile,
    srs: &'a Srs,
    keys: &'a ProfileKeys,
    bases: LinkBases,
}

/// What happened in a group of a masked round. The contract computed everything in it; there is no proof to verify again.
fn group_event(log: &Log) -> Option<Seen> {
    use SecureAggregation as A;
    let (block, transaction) = (log.block_number.unwrap_or_default(), log.transaction_hash.unwrap_or_default());
    let seen = |event, round: U256, text| {
        Some(Seen { block, transaction, event, round: round.saturating_to(), verified: None, text })
    };
    match A::SecureAggregationEvents::decode_log(&log.inner).ok()?.data {
        A::SecureAggregationEvents::RosterFixed(event) => {
            let text = format!("group {} has {} members", event.group, event.members.count_ones());
            seen("RosterFixed", event.round, text)
        }
        A::SecureAggregationEvents::SharePosted(event) => seen(
            "SharePosted",
            event.round,
            format!("claim {} of group {} posted share {}", event.number, event.group, event.shareId),
        ),
        A::SecureAggregationEvents::SeedsRevealed(event) => {
            let text = format!("claim {} of group {} revealed {} seeds", event.number, event.group, event.seeds.len());
            seen("SeedsRevealed", event.round, text)
        }
        A::SecureAggregationEvents::BondLost(event) => {
            let text = format!("claim {} of group {} LOST its bond: {:?}", event.number, event.group, event.reason);
            seen("BondLost", event.round, text)
        }
        A::SecureAggregationEvents::BondWithdrawn(event) => seen(
            "BondWithdrawn",
            event.round,
            format!("claim {} of group {} has its bond back", event.number, event.group),
        ),
        _ => None,
    }
}

/// Why a proof is not what its event says.
type Reason = String;

fn plain(error: impl std::fmt::Display) -> Reason {
    error.to_string()
}

fn scalar(value: U256) -> Result<Fr, Reason> {
    scalar_from_bytes(&value.to_be_bytes()).map_err(plain)
}

fn same<T: PartialEq + std::fmt::Display>(what: &str, expected: T, found: T) -> Result<(), Reason> {
    match expected == found {
        true => Ok(()),
        false => Err(format!("{what} is {found}, expected {expected}")),
    }
}

fn id_of(points: &[G1Affine]) -> Result<B256, Reason> {
    points_id(points).map_err(plain)
}

impl<'a> Watcher<'a> {
    /// For a pool of a profile.
    pub fn new(
        pool: &'a PoolClient<'a>,
        profile: &'a Profile,
        srs: &'a Srs,
        keys: &'a ProfileKeys,
    ) -> Result<Self, ContributeError> {
        Ok(Self { pool, profile, srs, keys, bases: link_bases(srs)? })
    }

    /// The events of some blocks, in order, with their proofs verified again.
    pub fn see(&self, from_block: u64, to_block: u64) -> Result<Vec<Seen>, ContributeError> {
        let client = self.pool.client();
        let mut logs = client.logs(self.pool.rounds()?, from_block, to_block)?;
        logs.extend(client.logs(self.pool.router()?, from_block, to_block)?);
        let aggregation = self.pool.aggregation()?.address();
        logs.extend(client.logs(aggregation, from_block, to_block)?);
        logs.sort_by_key(|log| (log.block_number, log.log_index));
        let mut out = Vec::new();
        for log in logs {
            out.extend(match log.address() == self.pool.router()? {
                true => self.routed(&log),
                false if log.address() == aggregation => group_event(&log),
                false => self.one(&log)?,
            });
        }
        Ok(out)
    }

    /// What the router says of this pool's profile.
    fn routed(&self, log: &Log) -> Option<Seen> {
        let (block, transaction) = (log.block_number.unwrap_or_default(), log.transaction_hash.unwrap_or_default());
        let profile = B256::new(self.profile.id());
        let (event, text) = if let Ok(stopped) = VerifierRouter::ProfileStopped::decode_log(&log.inner) {
            let text = format!(
                "the pool is STOPPED for good: {:?} of the {:?} circuit, shown by {}",
                stopped.reason, stopped.circuit, stopped.tripper
            );
            (stopped.profileId == profile).then_some(("ProfileStopped", text))?
        } else {
            let frozen = VerifierRouter::RouteFrozen::decode_log(&log.inner).ok()?;
            let text =
                format!("the {:?} circuit's verifier is out of use, so nothing is paid any more", frozen.circuit);
            (frozen.profileId == profile).then_some(("RouteFrozen", text))?
        };
        Some(Seen { block, transaction, event, round: 0, verified: None, text })
    }

    fn one(&self, log: &Log) -> Result<Option<Seen>, ContributeError> {
        use ContributionRounds as R;
        let (block, transaction) = (log.block_number.unwrap_or_default(), log.transaction_hash.unwrap_or_default());
        let seen = |event, round: U256, verified, text| {
            Some(Seen { block, transaction, event, round: round.saturating_to(), verified, text })
        };
        let verified = |event, round, checked: Result<String, Reason>| match checked {
            Ok(text) => seen(event, round, Some(true), text),
            Err(text) => seen(event, round, Some(false), text),
        };
        let topic = log.topic0().copied().unwrap_or_default();
        Ok(match topic {
            R::GenesisSet::SIGNATURE_HASH => match R::GenesisSet::decode_log(&log.inner) {
                Ok(event) => verified("GenesisSet", U256::ONE, self.genesis(&event, &self.input(transaction)?)),
                Err(_) => None,
            },
            R::ContributionProven::SIGNATURE_HASH => match R::ContributionProven::decode_log(&log.inner) {
                Ok(event) => {
                    let model = self.pool.round(event.round.saturating_to())?.modelId;
                    let checked = self.contribution(&event, model, &self.input(transaction)?);
                    verified("ContributionProven", event.round, checked)
                }
                Err(_) => None,
            },
            R::RoundFinalized::SIGNATURE_HASH => match R::RoundFinalized::decode_log(&log.inner) {
                Ok(event) => {
                    let model = self.pool.round(event.round.saturating_to())?.modelId;
                    verified("RoundFinalized", event.round, self.finalized(&event, model, &self.input(transaction)?))
                }
                Err(_) => None,
            },
            R::RoundOpened::SIGNATURE_HASH => R::RoundOpened::decode_log(&log.inner)
                .ok()
                .and_then(|event| seen("RoundOpened", event.round, None, format!("model {}", event.modelId))),
            R::RoundSealed::SIGNATURE_HASH => R::RoundSealed::decode_log(&log.inner)
                .ok()
                .and_then(|event| seen("RoundSealed", event.round, None, format!("beacon {}", event.beacon))),
            R::RoundSettled::SIGNATURE_HASH => R::RoundSettled::decode_log(&log.inner).ok().and_then(|event| {
                let paid = crate::chain::pool::whole_tokens(event.paid);
                seen("RoundSettled", event.round, None, format!("{paid} tokens paid, next model {}", event.modelId))
            }),
            R::RoundVoided::SIGNATURE_HASH => R::RoundVoided::decode_log(&log.inner)
                .ok()
                .and_then(|event| seen("RoundVoided", event.round, None, format!("{} claims unpaid", event.claims))),
            R::ContributionPaid::SIGNATURE_HASH => R::ContributionPaid::decode_log(&log.inner).ok().and_then(|event| {
                let reward = crate::chain::pool::whole_tokens(event.reward);
                seen("ContributionPaid", event.round, None, format!("{reward} tokens to {}", event.claimant))
            }),
            _ => None,
        })
    }

    /// Call data of a transaction to the rounds contract; empty when it went elsewhere.
    fn input(&self, transaction: B256) -> Result<Vec<u8>, ContributeError> {
        Ok(match self.pool.client().transaction_input(transaction)? {
            Some((Some(to), input)) if to == self.pool.rounds()? => input,
            _ => Vec::new(),
        })
    }

    fn place(&self) -> Result<(u64, alloy::primitives::Address, B256), Reason> {
        let rounds = self.pool.rounds().map_err(plain)?;
        Ok((self.pool.client().chain_id(), rounds, B256::new(self.profile.id())))
    }

    fn genesis(&self, event: &ContributionRounds::GenesisSet, input: &[u8]) -> Result<String, Reason> {
        let call = ContributionRounds::openGenesisCall::abi_decode(input).map_err(|_| not_direct("openGenesis"))?;
        let (chain_id, rounds, profile_id) = self.place()?;
        let context = scalar(genesis_context(chain_id, rounds, event.seed, profile_id))?;
        let points =
            verify_round_alone(&self.keys.round, self.srs, &call.proof, &[context, Fr::from(1)]).map_err(plain)?;
        let id = |model: &Model| model_id(self.srs, self.profile, model).map_err(plain);
        same("the model it starts from", id(&Model::zero(self.profile))?, id_of(&points.model)?)?;
        same("the first model", event.modelId, id_of(&points.next)?)?;
        same("the seed's model", event.modelId, id(&Model::random(self.profile, event.seed.0))?)?;
        Ok(format!("first model {} of seed {}", event.modelId, event.seed))
    }

    fn contribution(
        &self,
        event: &ContributionRounds::ContributionProven,
        model: B256,
        input: &[u8],
    ) -> Result<String, Reason> {
        let requests = match ContributionRounds::claimCall::abi_decode(input) {
            Ok(call) => vec![call.request],
            Err(_) => ContributionRounds::claimManyCall::abi_decode(input).map_err(|_| not_direct("claim"))?.requests,
        };
        // A batch may hold a claim of the same dataset that was refused.
        let requests =
            requests.into_iter().filter(|request| request.root == event.root && request.round == event.round);
        let mut verdict = Err("the transaction holds no claim of this dataset".to_owned());
        for request in requests {
            verdict = self.claimed(event, model, request);
            if verdict.is_ok() {
                break;
            }
        }
        verdict
    }

    /// Whether a claim shows what its event says.
    fn claimed(
        &self,
        event: &ContributionRounds::ContributionProven,
        model: B256,
        request: Claim,
    ) -> Result<String, Reason> {
        let Claim { root, commitment, normLog2, lossLog2, proof, link, .. } = request;
        let (chain_id, rounds, profile_id) = self.place()?;
        let fields = TrainingContext {
            chain_id,
            rounds,
            round: event.round,
            claimant: event.claimant,
            subject: event.subject,
            root,
            index: event.index.saturating_to(),
            profile_id,
            mask_key: event.maskKey,
        };
        let bound = |log2: u8| scalar(U256::ONE << usize::from(log2));
        let inputs = [scalar(fields.value())?, bound(normLog2)?, bound(lossLog2)?];
        let points = verify_alone(&self.keys.training, self.srs, &proof, &inputs).map_err(plain)?;
        same("the proof's model", model, id_of(&points.model)?)?;
        same("the update", commitment_id(&event.update).map_err(plain)?, id_of(&points.update)?)?;
        let registered = point_from_words([commitment.x, commitment.y]).map_err(plain)?;
        let link = LinkProof::from_bytes(&link).map_err(plain)?;
        verify_data_link(&self.bases, &inputs, &registered, &points, &link).map_err(plain)?;
        Ok(format!("claim {} by {}, shard {}", event.number, event.claimant, event.index))
    }

    fn finalized(
        &self,
        event: &ContributionRounds::RoundFinalized,
        model: B256,
        input: &[u8],
    ) -> Result<String, Reason> {
        let call = ContributionRounds::finalizeCall::abi_decode(input).map_err(|_| not_direct("finalize"))?;
        let Finalization { included, records, proof, .. } = call.request;
        let columns = self.profile.model_points();
        let mut all = Vec::new();
        let (mut hashes, mut updates) = (Vec::new(), Vec::new());
        for (position, record) in records.iter().enumerate() {
            let update_id = commitment_id(&record.update).map_err(plain)?;
            let hash =
                claim_hash(record.claimant, U256::from(record.reward), record.nullifier, update_id, record.maskKey);
            all.push(hash);
            if included.bit(position) {
                hashes.push(hash);
                updates.push(&record.update[..]);
            }
        }
        let kept = self.pool.claims_hash(event.round.saturating_to()).map_err(plain)?;
        same("the hash of the round's claims", kept, claims_hashes(event.round, &all)[all.len()])?;
        same("the number of included claims", event.count, U256::from(hashes.len()))?;
        let sums = sum_of_points(columns, updates).map_err(plain)?;
        let at = 64 * columns;
        let (head, rest) = proof.split_at_checked(at).ok_or("the proof is too short")?;
        let whole = [head, &sums.iter().flat_map(point_to_bytes).collect::<Vec<u8>>(), rest].concat();
        let (chain_id, rounds, profile_id) = self.place()?;
        let context = scalar(round_context(chain_id, rounds, event.round, set_hash(&hashes), profile_id))?;
        let inputs = [context, Fr::from(hashes.len() as u64)];
        let RoundPoints { model: from, next, .. } =
            verify_round_alone(&self.keys.round, self.srs, &whole, &inputs).map_err(plain)?;
        same("the proof's model", model, id_of(&from)?)?;
        same("the next model", event.modelId, id_of(&next)?)?;
        Ok(format!("{} claims lead to model {}", hashes.len(), event.modelId))
    }
}

fn not_direct(call: &str) -> Reason {
    format!("the transaction is no direct call of {call}, so it shows no proof to verify")
}
