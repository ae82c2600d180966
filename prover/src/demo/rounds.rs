//! The rounds of a demo: beacon, claims, finalization, and how good the model is before and after.

use std::collections::BTreeSet;

use alloy::primitives::B256;
use serde::Serialize;
use serde_json::Value;
use zkpoc_circuits::reference::{evaluate, Model};

use super::child::{Committed, Contributor, Sent};
use super::report::Contribution;
use super::{DemoError, Show, Stage, BEACON_DELAY, CLAIM_BLOCKS};
use crate::chain::pool::whole_tokens;
use crate::chain::Mode;
use crate::contribute::{ContributeError, Site};
use crate::data::Records;
use crate::openings::Source;

/// What a round came to.
#[derive(Clone, Debug, Serialize)]
pub struct RoundFigures {
    /// The round.
    pub round: u64,
    /// Number of claims.
    pub claims: u64,
    /// Gas of each claim.
    pub gas_claim: Vec<u64>,
    /// Gas of the finalization, which pays the claims.
    pub gas_finalize: u64,
    /// Time of the round's proof.
    pub round_prove_ms: f64,
    /// Peak memory of the process that made it.
    pub round_peak_rss_bytes: Option<u64>,
    /// Time of each claim's proof.
    pub claim_prove_ms: Vec<f64>,
    /// Commitment id of the model after the round.
    pub model_commitment: B256,
    /// Mean loss of a record of the claimed shards under the model before the round.
    pub loss: f64,
    /// Share of the test records that the model before the round recognises.
    pub test_accuracy_before: f64,
    /// The same for the model after the round.
    pub test_accuracy: f64,
    /// Mean loss of a test record under the model after the round.
    pub test_loss: f64,
    /// Tokens minted, as a decimal string.
    pub minted: String,
}

type Member<'a> = (Contributor<'a>, Committed, Sent);

/// The rounds, one after the other.
#[derive(Debug)]
pub(super) struct Course<'a> {
    stage: &'a Stage<'a>,
    site: &'a Site<'a>,
    members: &'a [Member<'a>],
    finalizer: &'a Contributor<'a>,
    test: &'a Records,
    exchange: Source,
    model: Model,
    accuracy: f64,
    validated: BTreeSet<(usize, u64)>,
    firsts: Vec<Contribution>,
}

impl<'a> Course<'a> {
    pub(super) fn new(
        stage: &'a Stage<'a>,
        site: &'a Site<'a>,
        exchange: Source,
        members: &'a [Member<'a>],
        finalizer: &'a Contributor<'a>,
        test: &'a Records,
        model: Model,
    ) -> Result<Self, DemoError> {
        let mut course = Self {
            stage,
            site,
            members,
            finalizer,
            test,
            exchange,
            model,
            accuracy: 0.0,
            validated: BTreeSet::new(),
            firsts: Vec::new(),
        };
        course.accuracy = course.measure()?.0;
        Ok(course)
    }

    /// Plays one round to its end.
    pub(super) fn round(&mut self, number: u64, show: &mut Show) -> Result<RoundFigures, DemoError> {
        let (stage, pool) = (self.stage, self.site.pool);
        show.phase(&format!("round {number}: wait for the beacon and seal it"));
        stage.node.mine(stage.client, BEACON_DELAY + 1)?;
        pool.seal(number, Mode::Send)?;
        let (mut gas_claim, mut claim_prove_ms, mut losses) = (Vec::new(), Vec::new(), Vec::new());
        for (place, (contributor, committed, registered)) in self.members.iter().enumerate() {
            let name = contributor.name();
            let index = pool.drawn_index(number, committed.root)?;
            let validated = match self.validated.insert((place, index)) {
                true => {
                    show.phase(&format!(
                        "round {number}, {name}: prove shard {index}, which the beacon drew, well-formed"
                    ));
                    Some(contributor.validate(index)?)
                }
                false => None,
            };
            show.phase(&format!("round {number}, {name}: train, prove, claim"));
            let claimed = contributor.claim(number)?;
            gas_claim.push(claimed.0.gas_used);
            let figure = |field| float(contributor, "round claim", &claimed.1, field);
            claim_prove_ms.push(figure("prove_ms")?);
            losses.push(figure("loss")?);
            if let (Some(validated), 1) = (&validated, number) {
                self.firsts.push(Contribution::new(contributor, index, committed, registered, validated, &claimed)?);
            }
        }
        show.phase(&format!("round {number}, finalizer: add up, prove the next model"));
        // To the claim deadline and no further: the time for a finalization is limited too.
        let deadline = pool.round(number)?.openedAt.to::<u64>() + CLAIM_BLOCKS;
        stage.node.mine(stage.client, deadline.saturating_sub(stage.client.block_number()?))?;
        let proven = self.finalizer.finalize(number, false)?;
        let next = proven["model_id"].as_str().unwrap_or_default().to_owned();
        show.phase(&format!("round {number}: contributors acknowledge, the finalizer sends, rewards are minted"));
        for (contributor, ..) in self.members {
            contributor.acknowledge(number, &next)?;
        }
        let sent = self.finalizer.finalize(number, true)?;
        let lacks = |field| DemoError::Answer { who: "finalizer".into(), command: "round finalize".into(), field };
        let gas_finalize = sent["gas_used"].as_u64().ok_or_else(|| lacks("gas_used"))?;
        let minted = sent["paid"].as_str().ok_or_else(|| lacks("paid"))?.to_owned();

        show.phase(&format!("round {number}: measure the model on {} test records", self.test.len()));
        let model_commitment: B256 = next.parse().map_err(|_| lacks("model_id"))?;
        self.model = self.site.fetch_model(model_commitment, &self.exchange)?;
        let before = self.accuracy;
        let (test_accuracy, test_loss) = self.measure()?;
        self.accuracy = test_accuracy;
        show.notice(&format!(
            "round {number}: {} claims, {minted} tokens, loss {:.4}, accuracy {:.2} % -> {:.2} %",
            gas_claim.len(),
            mean(&losses),
            before * 1e2,
            test_accuracy * 1e2
        ));
        Ok(RoundFigures {
            round: number,
            claims: gas_claim.len() as u64,
            gas_claim,
            gas_finalize,
            round_prove_ms: float(self.finalizer, "round finalize", &proven, "prove_ms")?,
            round_peak_rss_bytes: proven["peak_rss_bytes"].as_u64(),
            claim_prove_ms,
            model_commitment,
            loss: mean(&losses),
            test_accuracy_before: before,
            test_accuracy,
            test_loss,
            minted,
        })
    }

    /// The first round's contributions.
    pub(super) fn finish(mut self) -> Result<Vec<Contribution>, DemoError> {
        for part in &mut self.firsts {
            part.minted = whole_tokens(self.site.pool.balance(part.address)?);
        }
        Ok(self.firsts)
    }

    fn measure(&self) -> Result<(f64, f64), DemoError> {
        evaluate(self.stage.profile, &self.model, self.test.features(), self.test.labels())
            .map_err(|error| ContributeError::from(error).into())
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn float(who: &Contributor<'_>, command: &str, answer: &Value, field: &'static str) -> Result<f64, DemoError> {
    let lacks = || DemoError::Answer { who: who.name(), command: command.to_owned(), field };
    answer[field].as_f64().ok_or_else(lacks)
}
