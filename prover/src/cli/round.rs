//! `zkpoc round`: open, seal, claim, look; how a round ends is in [`super::finalize`].

use std::path::PathBuf;

use alloy::primitives::{keccak256, B256, U256};
use clap::{Args, Subcommand};
use serde_json::json;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::Model;
use zkpoc_contracts::bindings::{ContributionRounds, RoundStatus, StopReason};

use super::chain::{checked, outcome_json, outcome_text, refuse_existing, ChainArgs, SendArgs};
use super::dataset::{check_index, load};
use super::finalize::{AckArgs, EndArgs, FinalizeArgs};
use super::serve::ServeArgs;
use super::session::{bytes32, grid, model};
use super::watch::WatchArgs;
use super::{Answer, Session};
use crate::bench::floor::{measure, Columns, FLOOR_RUNS};
use crate::chain::pool::whole_tokens;
use crate::chain::PoolClient;
use crate::contribute::{ContributeError, Site};
use crate::error::Error;
use crate::formats::tensors;
use crate::fsio::{self, Overwrite};
use crate::metrics::{milliseconds, msm16};
use crate::openings::item::Limits;
use crate::openings::source::Source;
use crate::openings::Checker;

/// What to do with rounds.
#[derive(Debug, Subcommand)]
pub enum RoundCommand {
    /// Prove the public start model of a seed and open the first round (operator).
    Open(OpenArgs),
    /// Store the beacon of a round, or have a new one chosen if it was missed.
    Seal(SealArgs),
    /// Train on the drawn shard, prove it, and claim.
    Claim(Box<ClaimArgs>),
    /// Sign that you hold a round's next model (claimants).
    Ack(AckArgs),
    /// Add up the claims' updates, prove the next model, and finalize the round (anyone).
    Finalize(FinalizeArgs),
    /// Pay a finalized round's claims when its window is over, and open the next round (anyone).
    Settle(EndArgs),
    /// End a round that nobody finalized in time (anyone).
    Void(EndArgs),
    /// Follow the chain's events and verify every proof again.
    Watch(WatchArgs),
    /// What the current round is about and where it stands.
    Status(LookArgs),
    /// Serve a folder of openings, models and acknowledgements over HTTP.
    ///
    /// An opening gives away the records of its shard: whoever can read the folder or reach the port can compute them.
    /// There is no TLS and no login.
    Serve(ServeArgs),
}

/// The round's model: a file, the public start of a seed, or one published under its id.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct ModelArgs {
    /// The model, as safetensors.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// The public start model of a seed.
    #[arg(long, value_name = "HEX", value_parser = bytes32)]
    model_seed: Option<[u8; 32]>,
    /// Where finalizers publish models: a folder, or the URL of `zkpoc round serve`.
    #[arg(long, value_name = "DIR|URL")]
    models: Option<String>,
}

impl ModelArgs {
    /// The model; `id` is the one to get where models are published.
    pub(super) fn load(&self, site: &Site<'_>, id: B256) -> Result<Model, Error> {
        match (&self.model, self.model_seed, &self.models) {
            (Some(path), _, _) => model(site.profile, path),
            (None, Some(seed), _) => Ok(Model::random(site.profile, seed)),
            (None, None, Some(text)) => Ok(site.fetch_model(id, &source(site.profile, text)?)?),
            (None, None, None) => Err(Error::Usage("expected --model, --model-seed or --models".into())),
        }
    }
}

/// Where openings, models and acknowledgements are kept.
pub(super) fn source(profile: &Profile, text: &str) -> Result<Source, Error> {
    Ok(Source::open(text, Limits::of(profile))?)
}

/// Number of a round: the given one, or the current one.
pub(super) fn round_number(view: &PoolClient<'_>, given: Option<u64>) -> Result<u64, Error> {
    let number = match given {
        Some(number) => number,
        None => view.current_round()?,
    };
    match number {
        0 => Err(ContributeError::NoRound.into()),
        number => Ok(number),
    }
}

/// Arguments of `round open`.
#[derive(Debug, Args)]
pub struct OpenArgs {
    /// The profile.
    profile: String,
    /// The seed; everyone recomputes the model from it.
    #[arg(long, value_name = "HEX", value_parser = bytes32)]
    model_seed: [u8; 32],
    /// Also write the model here, as safetensors.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Reference string [default: the one in the home].
    #[arg(long, value_name = "FILE")]
    srs: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    send: SendArgs,
}

/// Arguments of `round seal`.
#[derive(Debug, Args)]
pub struct SealArgs {
    /// The profile.
    profile: String,
    /// Number of the round [default: the current one].
    #[arg(long)]
    round: Option<u64>,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    send: SendArgs,
}

/// Arguments of `round status`.
#[derive(Debug, Args)]
pub struct LookArgs {
    /// The profile.
    profile: String,
    #[command(flatten)]
    chain: ChainArgs,
}

/// Arguments of `round claim`.
#[derive(Debug, Args)]
pub struct ClaimArgs {
    /// Name of the dataset in the home.
    name: String,
    /// The profile, if it is one of your own: its TOML file.
    #[arg(long)]
    profile: Option<String>,
    #[command(flatten)]
    model: ModelArgs,
    /// Number of the round [default: the current one].
    #[arg(long)]
    round: Option<u64>,
    /// Hand the update's opening over there once the claim is mined: a folder, or the URL of `zkpoc round serve`. **Whoever
    /// reads an opening can compute the shard from it.** A claim without one is not paid.
    #[arg(long, value_name = "DIR|URL")]
    openings: Option<String>,
    /// Also time one multi-exponentiation of 2^16 scalars, as a yardstick.
    #[arg(long)]
    measure: bool,
    /// Reference string [default: the one in the home].
    #[arg(long, value_name = "FILE")]
    srs: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    send: SendArgs,
}

impl RoundCommand {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        match self {
            Self::Open(args) => args.run(session),
            Self::Seal(args) => args.run(session),
            Self::Claim(args) => args.run(session),
            Self::Ack(args) => args.run(session),
            Self::Finalize(args) => args.run(session),
            Self::Settle(args) => args.settle(session),
            Self::Void(args) => args.void(session),
            Self::Watch(args) => args.run(session),
            Self::Status(args) => args.status(session),
            Self::Serve(args) => args.run(session),
        }
    }
}

impl OpenArgs {
    fn run(&self, session: &Session) -> Result<Answer, Error> {
        let profile = session.profile(&self.profile)?;
        let srs = session.srs(self.srs.as_deref(), profile.k)?;
        let home = session.home()?;
        if let Some(out) = &self.out {
            refuse_existing(out)?;
        }
        let mut phases = session.phases();
        let client = self.chain.sender()?;
        let pool = self.chain.pool(&client, &profile)?;
        let view = checked(&client, &pool, &profile, &srs)?;
        let site = Site {
            home: &home,
            profile: &profile,
            srs: &srs,
            pool: &view,
            memory_limit: session.global().memory_limit,
        };
        let seed = B256::new(self.model_seed);
        let first = site.prove_first_model(seed, &mut |phase| phases.start(phase))?;
        if let Some(out) = &self.out {
            let bytes = tensors::write_model(&profile, &first.model).map_err(Error::format(out))?;
            fsio::write(out, &bytes, Overwrite::Refuse)?;
        }
        phases.start("opening the round");
        let outcome = view.open_genesis(seed, first.proof, self.send.mode())?;
        let opened = outcome.receipt().and_then(|receipt| receipt.event::<ContributionRounds::RoundOpened>());
        let (number, beacon) = match &opened {
            Some(event) => (event.round.to_string(), event.beaconBlock.to_string()),
            None => ("?".into(), "?".into()),
        };
        let id = first.model_id;
        let text = format!("round {number}, model {id}, beacon in block {beacon}\n{}", outcome_text(&outcome));
        let more = json!({
            "model_id": id, "seed": seed, "prove_ms": milliseconds(first.prove),
            "round": opened.as_ref().map(|event| event.round.saturating_to::<u64>()),
            "beacon_block": opened.as_ref().map(|event| event.beaconBlock.saturating_to::<u64>()),
        });
        Ok(Answer::new(text, outcome_json(&outcome, more)))
    }
}

impl SealArgs {
    fn run(&self, session: &Session) -> Result<Answer, Error> {
        let profile = session.profile(&self.profile)?;
        let client = self.chain.sender()?;
        let pool = self.chain.pool(&client, &profile)?;
        let view = PoolClient::unchecked(&client, &pool)?;
        let number = match self.round {
            Some(number) => number,
            None => view.current_round()?,
        };
        let outcome = view.seal(number, self.send.mode())?;
        let receipt = outcome.receipt();
        let sealed = receipt.and_then(|receipt| receipt.event::<ContributionRounds::RoundSealed>());
        let missed = receipt.and_then(|receipt| receipt.event::<ContributionRounds::BeaconMissed>());
        let what = match (&sealed, &missed) {
            (Some(event), _) => format!("round {number}: beacon {}", event.beacon),
            (None, Some(event)) => format!(
                "round {number}: the beacon of block {} was missed; block {} takes its place, seal again after it",
                event.missedBlock, event.beaconBlock
            ),
            (None, None) => format!("round {number}"),
        };
        let more = json!({
            "round": number,
            "beacon": sealed.as_ref().map(|event| event.beacon),
            "next_beacon_block": missed.as_ref().map(|event| event.beaconBlock.saturating_to::<u64>()),
        });
        Ok(Answer::new(format!("{what}\n{}", outcome_text(&outcome)), outcome_json(&outcome, more)))
    }
}

impl LookArgs {
    fn status(&self, session: &Session) -> Result<Answer, Error> {
        let profile = session.profile(&self.profile)?;
        let client = self.chain.viewer()?;
        let pool = self.chain.pool(&client, &profile)?;
        let view = PoolClient::unchecked(&client, &pool)?;
        let number = view.current_round()?;
        let stopped = match view.stop_reason()? {
            StopReason::None => None,
            StopReason::Canary => Some("canary"),
            StopReason::Contradiction => Some("contradiction"),
            _ => Some("unknown"),
        };
        let banner = stopped.map_or(String::new(), |reason| {
            format!("the pool is STOPPED for good, by a {reason}: nothing is claimed, finalized or paid any more\n")
        });
        if number == 0 {
            let text = format!("{banner}no round was opened yet");
            return Ok(Answer::new(text, json!({ "round": 0, "stopped": stopped })));
        }
        let (round, block, terms) = (view.round(number)?, client.block_number()?, view.terms()?);
        let (deadlines, proposal) = (view.deadlines()?, view.proposal(number)?);
        let claims_until = round.openedAt.to::<u64>() + deadlines.claim_blocks;
        let finalize_until = claims_until + deadlines.finalize_blocks;
        let settle_from = (proposal.count > 0).then(|| proposal.settleFrom.to::<u64>());
        let status = match (round.status, settle_from) {
            (RoundStatus::Open, _) if block < claims_until && round.beacon.is_zero() => "open, beacon not sealed",
            (RoundStatus::Open, _) if block < claims_until => "open, takes claims",
            (RoundStatus::Open, None) if block < finalize_until => "closed for claims, waits for a finalization",
            (RoundStatus::Open, None) => "nobody finalized it in time: `round void` ends it",
            (RoundStatus::Open, Some(from)) if block < from => "finalized; one with more claims can take its place",
            (RoundStatus::Open, Some(_)) => "finalized: `round settle` pays",
            (RoundStatus::Settled, _) => "settled",
            (RoundStatus::Void, _) => "void",
            _ => "unknown",
        };
        let remaining = whole_tokens(U256::from(round.remaining));
        let text = format!(
            "{banner}round {number}: {status}\nmodel {} (set in block {})\nlatest block {block}, beacon block {}, claims until block \
             {claims_until}, first finalization until block {finalize_until}\n{} claims, {} of them in the finalization that stands\n\
             {remaining} tokens left, {} a claim\nbounds paid for: squared norm below 2^{}, loss below 2^{}",
            round.modelId,
            round.modelSetAt,
            round.beaconBlock,
            round.claims,
            proposal.count,
            whole_tokens(terms.reward),
            terms.max_norm_log2,
            terms.max_loss_log2
        );
        let json = json!({
            "round": number, "status": status, "model_id": round.modelId, "beacon": round.beacon,
            "model_set_at": round.modelSetAt.to::<u64>(), "opened_at": round.openedAt.to::<u64>(),
            "beacon_block": round.beaconBlock.to::<u64>(), "block": block, "claims": round.claims,
            "claims_until": claims_until, "finalize_until": finalize_until, "settle_from": settle_from,
            "finalized_claims": proposal.count, "next_model_id": (proposal.count > 0).then_some(proposal.modelId),
            "remaining": remaining, "reward": whole_tokens(terms.reward),
            "max_norm_log2": terms.max_norm_log2, "max_loss_log2": terms.max_loss_log2, "stopped": stopped,
        });
        Ok(Answer::new(text, json))
    }
}

impl ClaimArgs {
    fn run(&self, session: &Session) -> Result<Answer, Error> {
        let (profile, dataset) = load(session, &self.name, self.profile.as_deref())?;
        let srs = session.srs(self.srs.as_deref(), profile.k)?;
        let home = session.home()?;
        let mut phases = session.phases();
        let client = self.chain.sender()?;
        let pool = self.chain.pool(&client, &profile)?;
        let view = checked(&client, &pool, &profile, &srs)?;
        let site = Site {
            home: &home,
            profile: &profile,
            srs: &srs,
            pool: &view,
            memory_limit: session.global().memory_limit,
        };
        let openings = self.openings.as_deref().map(|text| source(&profile, text)).transpose()?;
        let number = round_number(&view, self.round)?;
        let model = self.model.load(&site, view.round(number)?.modelId)?;
        let prepared = match site.prepare_claim(&dataset, &model, number, &mut |phase| phases.start(phase)) {
            Err(error) if error.refusal().is_some_and(|refusal| refusal.name == "ZkPocRoundsAlreadyClaimed") => {
                // An earlier run sent the claim; perhaps it did not come to handing the opening over.
                let opening = site.stored_opening(&dataset, number)?;
                let (Some(openings), Some(opening)) = (&openings, opening) else { return Err(error.into()) };
                phases.start("handing the opening over");
                let (id, _) = Checker::new(&profile, &srs)?.publish(openings, &opening)?;
                let text = format!("round {number}: claimed before; the opening {id} is handed over");
                let json =
                    json!({ "round": number, "claimed_before": true, "update_id": id, "opening_published": true });
                return Ok(Answer::new(text, json));
            }
            other => other?,
        };
        phases.start("claiming");
        let outcome = site.claim(&prepared, self.send.mode())?;
        let event = outcome.receipt().and_then(|receipt| receipt.event::<ContributionRounds::ContributionProven>());
        if let (Some(openings), Some(_)) = (&openings, &event) {
            phases.start("handing the opening over");
            Checker::new(&profile, &srs)?.publish(openings, &prepared.record.opening)?;
        }
        let promised = event.as_ref().map(|event| whole_tokens(event.reward));
        let yardstick = self.measure.then(|| {
            phases.start("one multi-exponentiation of 2^16 scalars");
            milliseconds(msm16())
        });
        let floor = self.measure.then(|| {
            phases.start("floor of the step");
            let place = check_index(&dataset, prepared.index)?;
            let grid = grid(&profile)?;
            let columns = Columns::of(&grid, &model, &dataset.shards[place], &prepared.record.opening.update);
            Ok::<_, Error>(measure(&srs, &columns, FLOOR_RUNS).floor_ms)
        });
        let floor = floor.transpose()?;
        drop(phases);

        let (timings, bundle) = (prepared.timings, &prepared.record.bundle);
        let text = format!(
            "shard {}: {}\n{}\n{}",
            prepared.index,
            match prepared.stored {
                true => "the stored claim".to_owned(),
                false => format!("proof of {} bytes in {:.0} ms", bundle.proof.len(), milliseconds(timings.prove)),
            },
            outcome_text(&outcome),
            match (&promised, &openings) {
                (None, _) => "nothing was claimed".to_owned(),
                (Some(tokens), Some(_)) => format!("{tokens} tokens when the round is settled; the opening is handed over"),
                (Some(tokens), None) => format!(
                    "{tokens} tokens when the round is settled, if whoever finalizes it gets the opening: claim with --openings"
                ),
            }
        );
        let more = json!({
            "round": prepared.claim.round.saturating_to::<u64>(), "root": prepared.claim.root, "index": prepared.index,
            "stored": prepared.stored, "validated_before": prepared.claim.datasetProof.is_empty(),
            "norm_log2": prepared.buckets.norm_log2, "loss_log2": prepared.buckets.loss_log2,
            "witness_ms": milliseconds(timings.witness), "prove_ms": milliseconds(timings.prove),
            "link_ms": milliseconds(timings.link), "verify_ms": milliseconds(timings.verify), "msm16_ms": yardstick,
            "floor_ms": floor, "proof_bytes": bundle.proof.len(), "link_bytes": prepared.claim.link.len(),
            "peak_rss_bytes": prepared.peak_rss_bytes,
            "loss": prepared.loss.map(|loss| site.mean_loss(loss)),
            "loss_raw": prepared.loss.map(|loss| u64::try_from(loss).unwrap_or(u64::MAX)),
            "number": event.as_ref().map(|event| event.number.saturating_to::<u64>()),
            "update_id": event.as_ref().map(|event| keccak256(&event.update)),
            "nullifier": event.as_ref().map(|event| event.nullifier),
            "promised": promised, "opening_published": openings.is_some() && event.is_some(),
        });
        Ok(Answer::new(text, outcome_json(&outcome, more)))
    }
}
