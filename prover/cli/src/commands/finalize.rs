//! `zkpoc round ack|finalize|settle|void`: how a round ends.

use std::path::PathBuf;

use alloy::primitives::B256;
use clap::Args;
use serde_json::json;
use zkpoc_contracts::bindings::ContributionRounds;

use crate::args::{outcome_json, outcome_text, ChainArgs, SendArgs};
use crate::args::{round_number, source, ModelArgs};
use crate::error::Error;
use crate::metrics::msm16;
use crate::session::bytes32;
use crate::{Answer, Session};
use zkpoc_client::chain::pool::whole_tokens;
use zkpoc_client::chain::{signer, Outcome};
use zkpoc_client::contribute::ContributeError;
use zkpoc_client::exchange::acknowledgement::Acknowledgement;
use zkpoc_prover::measure::milliseconds;

/// Arguments of `round ack`.
#[derive(Debug, Args)]
pub struct AckArgs {
    /// The profile.
    profile: String,
    /// Id of the next model that is to be acknowledged.
    #[arg(long, value_name = "HEX", value_parser = bytes32)]
    next: [u8; 32],
    /// The exchange, where it was published and where the acknowledgement goes: a folder, or the URL of `zkpoc round serve`.
    #[arg(long, alias = "openings", value_name = "DIR|URL")]
    exchange: String,
    /// Number of the round [default: the current one].
    #[arg(long)]
    round: Option<u64>,
    /// Reference string [default: the one in the home].
    #[arg(long, value_name = "FILE")]
    srs: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
}

/// Arguments of `round finalize`.
#[derive(Debug, Args)]
pub struct FinalizeArgs {
    /// The profile.
    profile: String,
    #[command(flatten)]
    model: ModelArgs,
    /// The exchange, where models are published, claimants publish shares or hand openings over, and acknowledge: a folder, or the
    /// URL of `zkpoc round serve`.
    #[arg(long, alias = "openings", value_name = "DIR|URL")]
    exchange: String,
    /// Number of the round [default: the current one].
    #[arg(long)]
    round: Option<u64>,
    /// Prove and publish the next model, and stop before the transaction.
    #[arg(long)]
    prove_only: bool,
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

/// Arguments of `round settle` and `round void`.
#[derive(Debug, Args)]
pub struct EndArgs {
    /// The profile.
    profile: String,
    /// Number of the round [default: the current one].
    #[arg(long)]
    round: Option<u64>,
    /// Reference string [default: the one in the home].
    #[arg(long, value_name = "FILE")]
    srs: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    send: SendArgs,
}

impl AckArgs {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        let profile = session.profile(&self.profile)?;
        let source = source(&profile, &self.exchange)?;
        let key = signer::require(self.chain.keystore.as_deref())?;
        let opened = self.chain.open_to_look(session, profile, self.srs.as_deref())?;
        let view = opened.view()?;
        let site = opened.site(&view);
        let round = round_number(&view, self.round)?;
        let next = B256::new(self.next);
        // Whoever acknowledges has the model in hand, and its commitment is the one that is signed.
        site.fetch_model(next, &source)?;
        let said = Acknowledgement::sign(site.forum()?, round, next, &key)
            .map_err(|error| Error::Usage(format!("the key cannot sign: {error}")))?;
        source.publish(&said.item(), &said.to_json())?;
        let text = format!("{} acknowledges the next model {next} of round {round}", said.claimant);
        let json =
            json!({ "round": round, "model_id": next, "claimant": said.claimant, "item": said.item().to_string() });
        Ok(Answer::new(text, json))
    }
}

impl FinalizeArgs {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        let profile = session.profile(&self.profile)?;
        let source = source(&profile, &self.exchange)?;
        let mut phases = session.phases();
        let opened = self.chain.open(session, profile, self.srs.as_deref())?;
        let (profile, view) = (&opened.profile, opened.view()?);
        let site = opened.site(&view);
        let round = round_number(&view, self.round)?;
        phases.start("the round's model");
        let model = self.model.load(&site, view.round(round)?.modelId, Some(&source))?;
        let prepared = site.prepare_finalization(&model, round, &source, &mut |phase| phases.start(phase))?;
        phases.start("acknowledgements");
        let acknowledgements = site.acknowledgements(&prepared, &source)?;
        let given = acknowledgements.iter().filter(|said| !said.is_empty()).count();
        let (claims, needed) = (prepared.claims.len(), prepared.claims.len() / 2 + 1);
        let before = !self.prove_only && site.stands(&prepared.finalized)?;
        let outcome = match self.prove_only || before || given < needed {
            true => None,
            false => {
                phases.start("finalizing");
                Some(site.finalize(&prepared, acknowledgements, self.send.mode())?)
            }
        };
        let yardstick = self.measure.then(|| {
            phases.start("one multi-exponentiation of 2^16 scalars");
            milliseconds(msm16())
        });
        drop(phases);
        let receipt = outcome.as_ref().and_then(Outcome::receipt);
        let settled = receipt.and_then(|receipt| receipt.event::<ContributionRounds::RoundSettled>());
        let standing = receipt.and_then(|receipt| receipt.event::<ContributionRounds::RoundFinalized>());
        let finalized = &prepared.finalized;
        let ending = match (&outcome, &settled, &standing) {
            (None, ..) if before => "nothing was sent: this finalization was sent before".to_owned(),
            (None, ..) => format!(
                "not sent: {given} of the {needed} acknowledgements that are needed; claimants run `zkpoc round ack {} --next \
                 {}`, then run this again",
                profile.name, finalized.model_id
            ),
            (Some(outcome), Some(event), _) => {
                format!("{}\nsettled: {} tokens paid, the next round is open", outcome_text(outcome), whole_tokens(event.paid))
            }
            (Some(outcome), None, Some(event)) => format!(
                "{}\nit stands; `zkpoc round settle` pays from block {} on, unless one with more claims takes its place",
                outcome_text(outcome),
                event.settleFrom
            ),
            (Some(outcome), None, None) => outcome_text(outcome),
        };
        let left_out = match prepared.missing.is_empty() {
            true => String::new(),
            false => {
                let groups = prepared.absent.iter().map(|group| format!("\n  group {}: {}", group.group, group.reason));
                format!("\nleft out: claims {:?}{}", prepared.missing, groups.collect::<String>())
            }
        };
        let text = format!(
            "round {round}: {} of {claims} claims, next model {}\n{}{left_out}\n{ending}",
            finalized.count,
            finalized.model_id,
            match prepared.stored {
                true => "the stored proof".to_owned(),
                false => format!("proof in {:.0} ms", milliseconds(prepared.timings.prove)),
            },
        );
        let more = json!({
            "round": round, "claims": claims, "included": finalized.count, "missing": prepared.missing,
            "model_id": finalized.model_id, "set_hash": finalized.set_hash, "stored": prepared.stored,
            "acknowledgements": given, "needed": needed, "sent": outcome.is_some(), "finalized_before": before,
            "witness_ms": milliseconds(prepared.timings.witness), "prove_ms": milliseconds(prepared.timings.prove),
            "verify_ms": milliseconds(prepared.timings.verify), "msm16_ms": yardstick,
            "proof_bytes": finalized.proof.len() + 64 * profile.model_points(),
            "peak_rss_bytes": prepared.peak_rss_bytes,
            "settled": settled.is_some(), "paid": settled.as_ref().map(|event| whole_tokens(event.paid)),
            "settle_from": standing.as_ref().map(|event| event.settleFrom.saturating_to::<u64>()),
        });
        Ok(Answer::new(
            text,
            match &outcome {
                Some(outcome) => outcome_json(outcome, more),
                None => more,
            },
        ))
    }
}

impl EndArgs {
    /// Settles.
    pub fn settle(&self, session: &Session) -> Result<Answer, Error> {
        let profile = session.profile(&self.profile)?;
        let opened = self.chain.open(session, profile, self.srs.as_deref())?;
        let view = opened.view()?;
        let site = opened.site(&view);
        let round = round_number(&view, self.round)?;
        let records = site.claims(round)?.into_iter().map(|claim| claim.record).collect();
        let outcome = view.settle(round, records, self.send.mode()).map_err(ContributeError::from)?;
        let event = outcome.receipt().and_then(|receipt| receipt.event::<ContributionRounds::RoundSettled>());
        let paid = event.as_ref().map(|event| whole_tokens(event.paid));
        let text =
            format!("round {round}: {} tokens paid\n{}", paid.as_deref().unwrap_or("no"), outcome_text(&outcome));
        Ok(Answer::new(text, outcome_json(&outcome, json!({ "round": round, "paid": paid }))))
    }

    /// Voids.
    pub fn void(&self, session: &Session) -> Result<Answer, Error> {
        let profile = session.profile(&self.profile)?;
        let client = self.chain.sender()?;
        let pool = self.chain.pool(&client, &profile)?;
        let view = zkpoc_client::chain::PoolClient::unchecked(&client, &pool)?;
        let round = round_number(&view, self.round)?;
        let outcome = view.void_round(round, self.send.mode())?;
        let text = format!("round {round} is void; the next one has the same model\n{}", outcome_text(&outcome));
        Ok(Answer::new(text, outcome_json(&outcome, json!({ "round": round }))))
    }
}
