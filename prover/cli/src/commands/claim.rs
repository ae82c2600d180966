//! `zkpoc round claim`: a shard is drawn, trained on, proven and claimed; masked unless `--plain`.

use alloy::primitives::keccak256;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use zkpoc_contracts::bindings::ContributionRounds;

use crate::args::{outcome_json, outcome_text, refuse_existing, ChainArgs, SendArgs};
use crate::args::{round_number, source, ModelArgs};
use crate::bench::floor::{measure, Columns, FLOOR_RUNS};
use crate::commands::relay;
use crate::error::Error;
use crate::metrics::msm16;
use crate::session::grid;
use crate::session::{check_index, load};
use crate::{Answer, Session};
use zkpoc_client::aggregation::MIN_GROUP;
use zkpoc_client::chain::pool::whole_tokens;
use zkpoc_prover::measure::milliseconds;

/// Arguments of `round claim`.
#[derive(Debug, Args)]
pub struct ClaimArgs {
    /// Name of the dataset in the home.
    #[arg(required_unless_present = "batch", conflicts_with = "batch")]
    name: Option<String>,
    /// The profile, if it is one of your own: its TOML file.
    #[arg(long)]
    profile: Option<String>,
    #[command(flatten)]
    model: ModelArgs,
    /// Number of the round [default: the current one].
    #[arg(long)]
    round: Option<u64>,
    /// Make a plain claim: whoever finalizes gets the update itself, and can compute the shard from it. Without this the claim joins
    /// a group of at least three, and only their sum becomes known.
    #[arg(long, alias = "open")]
    plain: bool,
    /// The exchange: a folder, or the URL of `zkpoc round serve`. The model is fetched from there, and once a plain claim is mined
    /// its opening is handed over there. **Whoever reads an opening can compute the shard from it.** A plain claim whose opening
    /// nobody gets is not paid.
    #[arg(long, alias = "openings", value_name = "DIR|URL", required_unless_present_any = ["model", "model_seed", "models", "batch"])]
    exchange: Option<String>,
    /// Write the claim there instead of sending it, for somebody who sends it with others by --batch. It counts for you all the same.
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    prepare: Option<PathBuf>,
    /// Send the claims that others have prepared, in one transaction. Each counts for the owner of its dataset, and costs less gas.
    #[arg(long, value_name = "FILES", num_args = 1.., conflicts_with_all = ["prepare", "plain", "exchange", "round", "measure"])]
    batch: Vec<PathBuf>,
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

impl ClaimArgs {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        if !self.batch.is_empty() {
            return relay::send(session, self.profile.as_deref(), &self.batch, &self.chain, &self.send);
        }
        if let Some(path) = &self.prepare {
            refuse_existing(path)?;
        }
        let (profile, dataset) = load(session, self.name.as_deref().unwrap_or_default(), self.profile.as_deref())?;
        let mut phases = session.phases();
        let opened = self.chain.open(session, profile, self.srs.as_deref())?;
        let (profile, srs, view) = (&opened.profile, &opened.srs, opened.view()?);
        let site = opened.site(&view);
        let exchange = self.exchange.as_deref().map(|text| source(profile, text)).transpose()?;
        let number = round_number(&view, self.round)?;
        let model = self.model.load(&site, view.round(number)?.modelId, exchange.as_ref())?;
        // The opening of a masked claim is handed to nobody.
        let openings = exchange.filter(|_| self.plain);
        let prepared = match site.prepare_claim(&dataset, &model, number, !self.plain, &mut |phase| phases.start(phase))
        {
            Err(error) if error.refusal().is_some_and(|refusal| refusal.name == "ZkPocRoundsAlreadyClaimed") => {
                // An earlier run sent the claim; perhaps it did not come to handing the opening over.
                let record = site.stored_record(&dataset, number)?;
                let (Some(openings), Some(record)) = (&openings, record) else { return Err(error.into()) };
                phases.start("handing the opening over");
                let id = site.hand_over(number, &record, openings)?;
                let text = format!("round {number}: claimed before; the opening {id} is handed over");
                let json =
                    json!({ "round": number, "claimed_before": true, "update_id": id, "opening_published": true });
                return Ok(Answer::new(text, json));
            }
            other => other?,
        };
        if let Some(path) = &self.prepare {
            return relay::write(&site, &prepared, path);
        }
        phases.start("claiming");
        let outcome = site.claim(&prepared, self.send.mode())?;
        let event = outcome.receipt().and_then(|receipt| receipt.event::<ContributionRounds::ContributionProven>());
        if let (Some(openings), Some(_)) = (&openings, &event) {
            phases.start("handing the opening over");
            site.hand_over(number, &prepared.record, openings)?;
        }
        let promised = event.as_ref().map(|event| whole_tokens(event.reward));
        let yardstick = self.measure.then(|| {
            phases.start("one multi-exponentiation of 2^16 scalars");
            milliseconds(msm16())
        });
        let floor = self.measure.then(|| {
            phases.start("floor of the step");
            let place = check_index(&dataset, prepared.index)?;
            let grid = grid(profile)?;
            let columns = Columns::of(&grid, &model, &dataset.shards[place], &prepared.record.opening.update);
            Ok::<_, Error>(measure(srs, &columns, FLOOR_RUNS).floor_ms)
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
                (Some(tokens), _) if !self.plain => format!(
                    "{tokens} tokens when the round is settled, if at least {MIN_GROUP} such claims come together and the group ends \
                     whole: after the claim deadline run `zkpoc round share`, or leave it to `zkpoc round watch --drive`"
                ),
                (Some(tokens), Some(_)) => format!("{tokens} tokens when the round is settled; the opening is handed over"),
                (Some(tokens), None) => format!(
                    "{tokens} tokens when the round is settled, if whoever finalizes it gets the opening: run this again with --exchange"
                ),
            }
        );
        let more = json!({
            "mode": if self.plain { "open" } else { "masked" },
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
