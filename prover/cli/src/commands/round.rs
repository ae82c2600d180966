//! `zkpoc round`: open, seal, look; claims are in [`super::claim`], groups in [`super::group`], the end in [`super::finalize`].

use std::path::PathBuf;

use alloy::primitives::{B256, U256};
use clap::{Args, Subcommand};
use serde_json::json;
use zkpoc_contracts::bindings::{ContributionRounds, RoundStatus, StopReason};

use crate::args::{outcome_json, outcome_text, refuse_existing, ChainArgs, SendArgs};
use crate::commands::claim::ClaimArgs;
use crate::commands::finalize::{AckArgs, EndArgs, FinalizeArgs};
use crate::commands::group::GroupArgs;
use crate::commands::serve::ServeArgs;
use crate::commands::watch::WatchArgs;
use crate::error::Error;
use crate::session::bytes32;
use crate::{Answer, Session};
use zkpoc_client::chain::pool::whole_tokens;
use zkpoc_client::chain::PoolClient;

use zkpoc_client::exchange::item::Limits;
use zkpoc_client::exchange::source::Source;
use zkpoc_client::exchange::Folder;
use zkpoc_client::formats::tensors;
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::Overwrite;
use zkpoc_prover::measure::milliseconds;

/// What to do with rounds.
#[derive(Debug, Subcommand)]
pub enum RoundCommand {
    /// Prove the public start model of a seed and open the first round (operator).
    Open(OpenArgs),
    /// Store the beacon of a round, or have a new one chosen if it was missed.
    Seal(SealArgs),
    /// Train on the drawn shard, prove it, and claim.
    Claim(Box<ClaimArgs>),
    /// Post the commitments of a masked claim's masks, and publish its share when it is time.
    Share(GroupArgs),
    /// Reveal the seeds that a masked claim shares with members that posted nothing.
    Reveal(GroupArgs),
    /// Show who spoiled the group of a masked claim; it costs them the bond.
    Dispute(GroupArgs),
    /// Take the bond of a masked claim back, when disputes are over.
    Bond(GroupArgs),
    /// Sign that you hold a round's next model (claimants).
    Ack(AckArgs),
    /// Add up the claims' updates, prove the next model, and finalize the round (anyone).
    Finalize(FinalizeArgs),
    /// Pay a finalized round's claims when its window is over, and open the next round (anyone).
    Settle(EndArgs),
    /// End a round that nobody finalized in time (anyone).
    Void(EndArgs),
    /// Follow the chain's events and verify the proofs of first models, claims and finalizations again; not those of shards.
    Watch(WatchArgs),
    /// What the current round is about and where it stands.
    Status(LookArgs),
    /// Serve a folder of shares, models, acknowledgements, complaints and openings over HTTP.
    ///
    /// A share says nothing by itself. An opening, of a claim with --plain, gives away the records of its shard: whoever can read
    /// the folder or reach the port can compute them.
    /// There is no TLS and no login.
    Serve(ServeArgs),
}

/// Arguments of `round open`.
#[derive(Debug, Args)]
pub struct OpenArgs {
    /// The profile.
    profile: String,
    /// The seed; everyone recomputes the model from it.
    #[arg(long, value_name = "HEX", value_parser = bytes32)]
    model_seed: [u8; 32],
    /// Also publish the model at the exchange under its id, for contributors: the folder that `zkpoc round serve` serves.
    #[arg(long, alias = "models", value_name = "DIR")]
    exchange: Option<PathBuf>,
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

impl RoundCommand {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        match self {
            Self::Open(args) => args.run(session),
            Self::Seal(args) => args.run(session),
            Self::Claim(args) => args.run(session),
            Self::Share(args) => args.share(session),
            Self::Reveal(args) => args.reveal(session),
            Self::Dispute(args) => args.dispute(session),
            Self::Bond(args) => args.bond(session),
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
        if let Some(out) = &self.out {
            refuse_existing(out)?;
        }
        let mut phases = session.phases();
        let opened = self.chain.open(session, profile, self.srs.as_deref())?;
        let (profile, view) = (&opened.profile, opened.view()?);
        let site = opened.site(&view);
        let seed = B256::new(self.model_seed);
        let first = site.prove_first_model(seed, &mut |phase| phases.start(phase))?;
        if let Some(out) = &self.out {
            let bytes = tensors::write_model(profile, &first.model).map_err(Error::format(out))?;
            fsio::write(out, &bytes, Overwrite::Refuse)?;
        }
        if let Some(folder) = &self.exchange {
            let folder = Folder::create(folder, Limits::of(profile))?;
            site.publish_model(&first.model, first.model_id, &Source::Folder(folder))?;
        }
        phases.start("opening the round");
        let outcome = view.open_genesis(seed, first.proof, self.send.mode())?;
        let event = outcome.receipt().and_then(|receipt| receipt.event::<ContributionRounds::RoundOpened>());
        let (number, beacon) = match &event {
            Some(event) => (event.round.to_string(), event.beaconBlock.to_string()),
            None => ("?".into(), "?".into()),
        };
        let id = first.model_id;
        let text = format!("round {number}, model {id}, beacon in block {beacon}\n{}", outcome_text(&outcome));
        let more = json!({
            "model_id": id, "seed": seed, "prove_ms": milliseconds(first.prove),
            "round": event.as_ref().map(|event| event.round.saturating_to::<u64>()),
            "beacon_block": event.as_ref().map(|event| event.beaconBlock.saturating_to::<u64>()),
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
