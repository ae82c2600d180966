//! The rounds of a demo: beacon, claims, finalization, and how good the model is before and after.

use std::collections::BTreeSet;

use alloy::primitives::B256;
use serde::Serialize;
use serde_json::Value;
use zkpoc_circuits::reference::{evaluate, Model};

use crate::demo::child::{Committed, Contributor, Sent};
use crate::demo::report::Contribution;
use crate::demo::{DemoError, Show, Stage, BEACON_DELAY, CLAIM_BLOCKS};
use zkpoc_client::chain::pool::whole_tokens;
use zkpoc_client::chain::Mode;
use zkpoc_client::contribute::masked::default_confirmations;
use zkpoc_client::contribute::{ContributeError, Site};
use zkpoc_client::data::Records;
use zkpoc_client::exchange::{Kind, Source};

/// What a round came to.
#[derive(Clone, Debug, Serialize)]
pub struct RoundFigures {
    /// The round.
    pub round: u64,
    /// `masked`: only the sum of the updates became known; `open`: the finalizer saw each.
    pub mode: &'static str,
    /// Number of claims.
    pub claims: u64,
    /// Number of claims that were paid.
    pub paid_claims: u64,
    /// What the group cost, in a masked round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupFigures>,
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

/// What the groups of a masked round cost their members.
#[derive(Clone, Debug, Default, Serialize)]
pub struct GroupFigures {
    /// Members that posted.
    pub members: u64,
    /// Members that were lost.
    pub dropped: u64,
    /// Gas of fixing the groups, once for the round.
    pub gas_fix: u64,
    /// Gas of each post.
    pub gas_post: Vec<u64>,
    /// Gas of each reveal.
    pub gas_reveal: Vec<u64>,
    /// Gas of taking each bond back.
    pub gas_bond: Vec<u64>,
    /// Time of expanding a member's masks.
    pub mask_ms: Vec<f64>,
    /// Time of its masks and their commitments.
    pub masks_and_commitments_ms: Vec<f64>,
    /// Bytes of a share.
    pub share_bytes: u64,
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
        let masked = stage.options.masked();
        // Who was lost in the first round is gone for good.
        let present = if number == 1 { self.members } else { self.staying() };
        for (place, (contributor, committed, registered)) in present.iter().enumerate() {
            let name = contributor.name();
            let index = pool.drawn_index(number, committed.root)?;
            let validated = match self.validated.insert((place, index)) {
                true => {
                    show.phase(&format!(
                        "round {number}, {name}: prove shard {index}, which the beacon drew, well-formed"
                    ));
                    contributor.validate(index)?
                }
                false => None,
            };
            show.phase(&format!("round {number}, {name}: train, prove, claim"));
            let claimed = contributor.claim(number, masked, number == 1 && place == 0)?;
            gas_claim.push(claimed.0.gas_used);
            let figure = |field| float(contributor, "round claim", &claimed.1, field);
            claim_prove_ms.push(figure("prove_ms")?);
            losses.push(figure("loss")?);
            if let (Some(validated), 1) = (&validated, number) {
                self.firsts.push(Contribution::new(contributor, index, committed, registered, validated, &claimed)?);
            }
        }
        // To the claim deadline and no further: the time for a finalization is limited too.
        let deadline = pool.round(number)?.openedAt.to::<u64>() + CLAIM_BLOCKS;
        let group = match masked {
            true => Some(self.group(number, deadline, gas_claim.len(), show)?),
            false => None,
        };
        self.mine_to(deadline)?;
        show.phase(&format!("round {number}, finalizer: add up, prove the next model"));
        let proven = self.finalizer.finalize(number, false)?;
        let next = proven["model_id"].as_str().unwrap_or_default().to_owned();
        show.phase(&format!("round {number}: contributors acknowledge, the finalizer sends, rewards are minted"));
        for (contributor, ..) in self.staying() {
            contributor.acknowledge(number, &next)?;
        }
        let sent = self.finalizer.finalize(number, true)?;
        let lacks = |field| DemoError::Answer { who: "finalizer".into(), command: "round finalize".into(), field };
        let gas_finalize = sent["gas_used"].as_u64().ok_or_else(|| lacks("gas_used"))?;
        let minted = match sent["settle_from"].as_u64() {
            // A finalization of fewer than all claims stands for a while, in case somebody finalizes more.
            Some(from) if sent["settled"] == false => {
                show.phase(&format!("round {number}: the window of the finalization passes, then it is settled"));
                self.mine_to(from)?;
                self.finalizer.settle(number)?["paid"].as_str().map(str::to_owned)
            }
            _ => sent["paid"].as_str().map(str::to_owned),
        };
        let minted = minted.ok_or_else(|| lacks("paid"))?;
        let paid_claims = proven["included"].as_u64().ok_or_else(|| lacks("included"))?;

        show.phase(&format!("round {number}: measure the model on {} test records", self.test.len()));
        let model_commitment: B256 = next.parse().map_err(|_| lacks("model_id"))?;
        self.model = self.site.fetch_model(model_commitment, &self.exchange)?;
        let before = self.accuracy;
        let (test_accuracy, test_loss) = self.measure()?;
        self.accuracy = test_accuracy;
        show.notice(&format!(
            "round {number}: {} {} claims, {minted} tokens, loss {:.4}, accuracy {:.2} % -> {:.2} %",
            gas_claim.len(),
            if masked { "masked" } else { "plain" },
            mean(&losses),
            before * 1e2,
            test_accuracy * 1e2
        ));
        Ok(RoundFigures {
            round: number,
            mode: if masked { "masked" } else { "open" },
            claims: gas_claim.len() as u64,
            paid_claims,
            group,
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

    /// The first round's contributions, when all bonds are back.
    pub(super) fn finish(
        mut self,
        rounds: &mut [RoundFigures],
        show: &mut Show,
    ) -> Result<Vec<Contribution>, DemoError> {
        self.bonds(rounds, show)?;
        for part in &mut self.firsts {
            part.minted = whole_tokens(self.site.pool.balance(part.address)?);
        }
        Ok(self.firsts)
    }

    /// Who is not lost.
    fn staying(&self) -> &'a [Member<'a>] {
        &self.members[..self.members.len() - self.stage.options.dropped]
    }

    fn mine_to(&self, block: u64) -> Result<(), DemoError> {
        let now = self.stage.client.block_number()?;
        Ok(self.stage.node.mine(self.stage.client, block.saturating_sub(now))?)
    }

    /// The way of a masked round's groups from the claim deadline to published shares.
    fn group(&self, number: u64, deadline: u64, claims: usize, show: &mut Show) -> Result<GroupFigures, DemoError> {
        let staying = self.staying();
        show.phase(&format!("round {number}: the groups are fixed; members post the commitments of their masks"));
        self.mine_to(deadline + 1)?;
        let mut figures = GroupFigures {
            members: staying.len() as u64,
            dropped: (claims - staying.len()) as u64,
            ..GroupFigures::default()
        };
        for (contributor, ..) in staying {
            let answer = contributor.group("share", number)?;
            for taken in answer["taken"].as_array().into_iter().flatten() {
                let gas = taken["gas_used"].as_u64().unwrap_or_default();
                match taken["step"].as_str() {
                    Some("fix") if gas > 0 => figures.gas_fix = gas,
                    Some("post") => {
                        figures.gas_post.push(gas);
                        figures.mask_ms.push(taken["mask_ms"].as_f64().unwrap_or_default());
                        let total = taken["masks_and_commitments_ms"].as_f64().unwrap_or_default();
                        figures.masks_and_commitments_ms.push(total);
                    }
                    _ => {}
                }
            }
        }
        let phases = self.site.pool.aggregation()?.phases(number)?;
        self.mine_to(phases.shares + default_confirmations(self.stage.client.chain_id()))?;
        if figures.dropped > 0 {
            show.phase(&format!(
                "round {number}: {} lost; the others reveal the seeds they share with them",
                figures.dropped
            ));
            for (contributor, ..) in staying {
                figures.gas_reveal.push(contributor.group("reveal", number)?["gas_used"].as_u64().unwrap_or_default());
            }
        }
        show.phase(&format!("round {number}: members publish their shares"));
        for (contributor, ..) in staying {
            contributor.group("share", number)?;
        }
        let shares = self.exchange.list(Kind::Shares).map_err(ContributeError::from)?;
        if let Some(share) = shares.first() {
            let bytes = self.exchange.fetch(share).map_err(ContributeError::from)?;
            figures.share_bytes = bytes.map_or(0, |bytes| bytes.len() as u64);
        }
        Ok(figures)
    }

    /// Members of masked rounds take their bonds back, once disputes are over.
    fn bonds(&self, rounds: &mut [RoundFigures], show: &mut Show) -> Result<(), DemoError> {
        if !self.stage.options.masked() {
            return Ok(());
        }
        show.phase("disputes are over: members take their bonds back");
        for figures in rounds {
            let Some(group) = &mut figures.group else { continue };
            let phases = self.site.pool.aggregation()?.phases(figures.round)?;
            self.mine_to(phases.disputes)?;
            for (contributor, ..) in self.staying() {
                group.gas_bond.push(contributor.group("bond", figures.round)?["gas_used"].as_u64().unwrap_or_default());
            }
        }
        Ok(())
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
