//! `zkpoc round`: open, seal, claim, close, look.

use std::path::PathBuf;

use alloy::primitives::U256;
use clap::{Args, Subcommand};
use serde_json::json;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::Model;
use zkpoc_contracts::bindings::{ContributionRounds, RoundStatus};

use super::chain::{checked, milliseconds, outcome_json, outcome_text, ChainArgs, SendArgs};
use super::dataset::load;
use super::serve::ServeArgs;
use super::session::{bytes32, model};
use super::{Answer, Session};
use crate::chain::pool::whole_tokens;
use crate::chain::PoolClient;
use crate::contribute::{model_id, ContributeError, Site};
use crate::error::Error;
use crate::metrics::msm16;

/// What to do with rounds.
#[derive(Debug, Subcommand)]
pub enum RoundCommand {
    /// Set a model and open a round (operator).
    Open(OpenArgs),
    /// Close the current round after its minimum length (operator).
    Close(LookArgs),
    /// Store the beacon of a round, or have a new one chosen if it was missed.
    Seal(SealArgs),
    /// Train on the drawn shard, prove it, and claim the reward.
    Claim(Box<ClaimArgs>),
    /// What the current round is about and where it stands.
    Status(LookArgs),
    /// Serve a folder of openings, models and acknowledgements over HTTP.
    ///
    /// An opening gives away the records of its shard: whoever can read the folder or reach the port can compute them.
    /// There is no TLS and no login.
    Serve(ServeArgs),
}

/// A model: a file, or the public start of a seed.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct ModelArgs {
    /// The model, as safetensors.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// The public start model of a seed.
    #[arg(long, value_name = "HEX", value_parser = bytes32)]
    model_seed: Option<[u8; 32]>,
}

impl ModelArgs {
    fn load(&self, profile: &Profile) -> Result<Model, Error> {
        match (&self.model, self.model_seed) {
            (Some(path), _) => model(profile, path),
            (None, Some(seed)) => Ok(Model::random(profile, seed)),
            (None, None) => Err(Error::Usage("expected --model or --model-seed".into())),
        }
    }
}

/// Arguments of `round open`.
#[derive(Debug, Args)]
pub struct OpenArgs {
    /// The profile.
    profile: String,
    #[command(flatten)]
    model: ModelArgs,
    /// The pool's first round.
    #[arg(long)]
    genesis: bool,
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

/// Arguments of `round close` and `round status`.
#[derive(Debug, Args)]
pub struct LookArgs {
    /// The profile.
    profile: String,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    send: SendArgs,
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
            Self::Close(args) => args.close(session),
            Self::Seal(args) => args.run(session),
            Self::Claim(args) => args.run(session),
            Self::Status(args) => args.status(session),
            Self::Serve(args) => args.run(session),
        }
    }
}

impl OpenArgs {
    fn run(&self, session: &Session) -> Result<Answer, Error> {
        let profile = session.profile(&self.profile)?;
        let srs = session.srs(self.srs.as_deref(), profile.k)?;
        let mut phases = session.phases();
        phases.start("committing to the model");
        let model = self.model.load(&profile)?;
        let id = model_id(&srs, &profile, &model)?;
        phases.start("opening the round");
        let client = self.chain.sender()?;
        let pool = self.chain.pool(&client, &profile)?;
        let view = checked(&client, &pool, &profile, &srs)?;
        let outcome = match self.genesis {
            true => view.open_genesis(id, self.send.mode())?,
            false => view.open_round(id, self.send.mode())?,
        };
        let opened = outcome.receipt().and_then(|receipt| receipt.event::<ContributionRounds::RoundOpened>());
        let (number, beacon) = match &opened {
            Some(event) => (event.round.to_string(), event.beaconBlock.to_string()),
            None => ("?".into(), "?".into()),
        };
        let text = format!("round {number}, model {id}, beacon in block {beacon}\n{}", outcome_text(&outcome));
        let more = json!({
            "model_id": id,
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
    fn close(&self, session: &Session) -> Result<Answer, Error> {
        let profile = session.profile(&self.profile)?;
        let client = self.chain.sender()?;
        let pool = self.chain.pool(&client, &profile)?;
        let outcome = PoolClient::unchecked(&client, &pool)?.close_round(self.send.mode())?;
        Ok(Answer::new(outcome_text(&outcome), outcome_json(&outcome, json!({}))))
    }

    fn status(&self, session: &Session) -> Result<Answer, Error> {
        let profile = session.profile(&self.profile)?;
        let client = self.chain.viewer()?;
        let pool = self.chain.pool(&client, &profile)?;
        let view = PoolClient::unchecked(&client, &pool)?;
        let number = view.current_round()?;
        if number == 0 {
            return Ok(Answer::new("no round was opened yet", json!({ "round": 0 })));
        }
        let (round, block, terms) = (view.round(number)?, client.block_number()?, view.terms()?);
        let status = match round.status {
            RoundStatus::Open if round.beacon.is_zero() => "open, beacon not sealed",
            RoundStatus::Open => "open, sealed",
            RoundStatus::Closed => "closed",
            _ => "unknown",
        };
        let remaining = whole_tokens(U256::from(round.remaining));
        let text = format!(
            "round {number}: {status}\nmodel {} (set in block {})\nbeacon block {}, latest block {block}\n{} claims, {remaining} \
             tokens left, {} a claim\nbounds paid for: squared norm below 2^{}, loss below 2^{}",
            round.modelId,
            round.modelSetAt,
            round.beaconBlock,
            round.claims,
            whole_tokens(terms.reward),
            terms.max_norm_log2,
            terms.max_loss_log2
        );
        let json = json!({
            "round": number, "status": status, "model_id": round.modelId, "beacon": round.beacon,
            "model_set_at": round.modelSetAt.to::<u64>(), "opened_at": round.openedAt.to::<u64>(),
            "beacon_block": round.beaconBlock.to::<u64>(), "block": block, "claims": round.claims,
            "remaining": remaining, "reward": whole_tokens(terms.reward),
            "max_norm_log2": terms.max_norm_log2, "max_loss_log2": terms.max_loss_log2,
        });
        Ok(Answer::new(text, json))
    }
}

impl ClaimArgs {
    fn run(&self, session: &Session) -> Result<Answer, Error> {
        let (profile, dataset) = load(session, &self.name, self.profile.as_deref())?;
        let srs = session.srs(self.srs.as_deref(), profile.k)?;
        let home = session.home()?;
        let model = self.model.load(&profile)?;
        let mut phases = session.phases();
        let client = self.chain.sender()?;
        let pool = self.chain.pool(&client, &profile)?;
        let view = checked(&client, &pool, &profile, &srs)?;
        let site = Site { home: &home, profile: &profile, srs: &srs, pool: &view };
        let prepared = site.prepare_claim(&dataset, &model, self.round, &mut |phase| phases.start(phase))?;
        phases.start("claiming");
        let account = client.sender().map_err(ContributeError::from)?;
        let before = view.balance(account)?;
        let outcome = site.claim(&prepared, self.send.mode())?;
        let event = outcome.receipt().and_then(|receipt| receipt.event::<ContributionRounds::ContributionProven>());
        let minted = event.as_ref().map(|event| whole_tokens(event.reward));
        let balance = view.balance(account)?;
        let yardstick = self.measure.then(|| {
            phases.start("one multi-exponentiation of 2^16 scalars");
            milliseconds(msm16())
        });
        drop(phases);

        let (timings, bundle) = (prepared.timings, &prepared.record.bundle);
        let text = format!(
            "shard {}: {}\n{}\nminted {} tokens, balance {} (was {})",
            prepared.index,
            match prepared.stored {
                true => "the stored claim".to_owned(),
                false => format!("proof of {} bytes in {:.0} ms", bundle.proof.len(), milliseconds(timings.prove)),
            },
            outcome_text(&outcome),
            minted.as_deref().unwrap_or("no"),
            whole_tokens(balance),
            whole_tokens(before)
        );
        let more = json!({
            "round": prepared.claim.round.saturating_to::<u64>(), "root": prepared.claim.root, "index": prepared.index,
            "stored": prepared.stored, "validated_before": prepared.claim.datasetProof.is_empty(),
            "norm_log2": prepared.buckets.norm_log2, "loss_log2": prepared.buckets.loss_log2,
            "witness_ms": milliseconds(timings.witness), "prove_ms": milliseconds(timings.prove),
            "link_ms": milliseconds(timings.link), "verify_ms": milliseconds(timings.verify), "msm16_ms": yardstick,
            "proof_bytes": bundle.proof.len(), "link_bytes": prepared.claim.link.len(),
            "peak_rss_bytes": prepared.peak_rss_bytes,
            "loss": prepared.loss.map(|loss| site.mean_loss(loss)),
            "loss_raw": prepared.loss.map(|loss| u64::try_from(loss).unwrap_or(u64::MAX)),
            "update_id": event.as_ref().map(|event| event.updateId),
            "minted": minted, "balance": whole_tokens(balance),
        });
        Ok(Answer::new(text, outcome_json(&outcome, more)))
    }
}
