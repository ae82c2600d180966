//! What a demo found out, as one JSON object and as a table.
//!
//! | field | meaning |
//! |---|---|
//! | `advice_columns`, `fixed_columns`, `proof_bytes`, times | of the training proof |
//! | `witness_ms` | the step in integers and the first phase's columns |
//! | `prove_ms` | from the witness to the bytes of the proof |
//! | `msm16_ms` | one multi-exponentiation of 2^16 scalars, same threads, same run |
//! | `floor_ms` | what any proof of the step must compute ([`crate::bench::floor`]), same threads, same run |
//! | `verify_ms` | native verification |
//! | `peak_rss_bytes` | of the claim's process while it made the proof; null where the system does not say |
//! | `demo_peak_rss_bytes` | largest sum over all processes of the demo: node, compiler, steps |
//! | `gas` | of the first contributor's receipts; the shard was validated before the claim |
//! | `verifier_bytes` | code of every deployed contract, key data too |
//! | `loss` | mean of a record, squared error summed over classes, 1.0 a whole target |
//! | `loss_raw` | the sum that the circuit proves bounded |
//! | `minted`, `balance` | the first contributor's in all rounds, in whole tokens, as decimal strings |
//! | `rounds` | a list: [`RoundFigures`] of each round |
//! | `vana` | with `--vana`: gas of each step at Vana's pools, and what they paid ([`VanaFigures`]) |
//! | `paid` | with `--vana`: whether both pools paid |
//! | `gas_genesis` | of the transaction that proves the first model and opens round 1 |

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use alloy::primitives::{Address, B256};
use serde::Serialize;
use serde_json::Value;
use zkpoc_circuits::profile::Profile;

use crate::demo::child::{Committed, Contributor, Sent};
use crate::demo::rounds::RoundFigures;
use crate::demo::vana::VanaFigures;
use crate::demo::DemoError;
use zkpoc_client::chain::deployment::SrsName;
use zkpoc_client::chain::Pool;
use zkpoc_prover::srs::Srs;

/// The figures of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Name of the profile.
    pub profile: String,
    /// Circuits have `2^k` rows.
    pub k: u32,
    /// Advice columns.
    pub advice_columns: usize,
    /// Fixed columns.
    pub fixed_columns: usize,
    /// Weights and biases.
    pub parameters: usize,
    /// Records of a step.
    pub batch: usize,
    /// Steps of a claim's run.
    pub local_steps: u64,
    /// The commitment key.
    pub srs: SrsName,
    /// Time to the witness.
    pub witness_ms: f64,
    /// Time from the witness to the proof.
    pub prove_ms: f64,
    /// The yardstick.
    pub msm16_ms: f64,
    /// The floor of the step's proof.
    pub floor_ms: f64,
    /// Time to verify.
    pub verify_ms: f64,
    /// Bytes of the proof.
    pub proof_bytes: u64,
    /// Bytes of the link.
    pub link_bytes: u64,
    /// Peak memory of proving.
    pub peak_rss_bytes: Option<u64>,
    /// Peak memory of everything.
    pub demo_peak_rss_bytes: Option<u64>,
    /// Gas of the contributor's transactions.
    pub gas: Gas,
    /// Bytes of code by contract.
    pub verifier_bytes: BTreeMap<String, usize>,
    /// Mean loss of a record.
    pub loss: f64,
    /// The loss as proven.
    pub loss_raw: u64,
    /// Gas of the proof of the first model.
    pub gas_genesis: u64,
    /// What Vana's pools cost and paid, if they were asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vana: Option<VanaFigures>,
    /// Whether both of Vana's pools paid, if they were asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid: Option<bool>,
    /// Records that accuracies are measured on.
    pub test_records: usize,
    /// Every round.
    pub rounds: Vec<RoundFigures>,
    /// Times of the phases, in order.
    #[serde(skip)]
    pub phases: Vec<(String, Duration)>,
    /// Tokens that were minted for the first contributor.
    pub minted: String,
    /// Tokens that the contributor holds.
    pub balance: String,
    /// Every contributor.
    pub contributors: Vec<Contribution>,
    /// Time of the whole demo.
    pub total_ms: f64,
    /// Where the run's files are, if they were kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<PathBuf>,
}

/// Gas, from receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Gas {
    /// Registering the dataset.
    pub register: u64,
    /// Validating the drawn shard.
    pub validate_shard: u64,
    /// Claiming.
    pub claim: u64,
}

/// One contributor's part.
#[derive(Clone, Debug, Serialize)]
pub struct Contribution {
    /// The account.
    pub address: Address,
    /// Root of the dataset.
    pub root: B256,
    /// The drawn shard.
    pub index: u64,
    /// Tokens minted.
    pub minted: String,
    /// Gas.
    pub gas: Gas,
    /// log2 of the proven bound on the squared norm.
    pub norm_log2: u64,
    /// log2 of the proven bound on the loss.
    pub loss_log2: u64,
    /// Time to prove the shard well-formed.
    pub validity_prove_ms: f64,
    #[serde(skip)]
    claim: ClaimFigures,
}

#[derive(Clone, Debug, Default)]
struct ClaimFigures {
    witness_ms: f64,
    prove_ms: f64,
    msm16_ms: f64,
    floor_ms: f64,
    verify_ms: f64,
    proof_bytes: u64,
    link_bytes: u64,
    peak_rss_bytes: Option<u64>,
    loss: f64,
    loss_raw: u64,
}

impl Contribution {
    /// From the answers of the steps.
    pub(super) fn new(
        contributor: &Contributor<'_>,
        index: u64,
        committed: &Committed,
        registered: &Sent,
        (validated, validity): &(Sent, Value),
        (claimed, answer): &(Sent, Value),
    ) -> Result<Self, DemoError> {
        let lacks =
            |command: &str, field| DemoError::Answer { who: contributor.name(), command: command.to_owned(), field };
        let float = |field: &'static str| answer[field].as_f64().ok_or_else(|| lacks("round claim", field));
        let integer = |field: &'static str| answer[field].as_u64().ok_or_else(|| lacks("round claim", field));
        let claim = ClaimFigures {
            witness_ms: float("witness_ms")?,
            prove_ms: float("prove_ms")?,
            // The first contributor's are the report's; the others do not measure them.
            msm16_ms: answer["msm16_ms"].as_f64().unwrap_or_default(),
            floor_ms: answer["floor_ms"].as_f64().unwrap_or_default(),
            verify_ms: float("verify_ms")?,
            proof_bytes: integer("proof_bytes")?,
            link_bytes: integer("link_bytes")?,
            peak_rss_bytes: answer["peak_rss_bytes"].as_u64(),
            loss: float("loss")?,
            loss_raw: integer("loss_raw")?,
        };
        let validity_prove_ms = validity["prove_ms"].as_f64().ok_or_else(|| lacks("dataset validate", "prove_ms"))?;
        Ok(Self {
            address: contributor.address(),
            root: committed.root,
            index,
            // Known when all rounds are settled.
            minted: String::new(),
            gas: Gas { register: registered.gas_used, validate_shard: validated.gas_used, claim: claimed.gas_used },
            norm_log2: integer("norm_log2")?,
            loss_log2: integer("loss_log2")?,
            validity_prove_ms,
            claim,
        })
    }
}

/// What a report is put together from.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) profile: &'a Profile,
    pub(super) srs: &'a Srs,
    pub(super) advice_columns: usize,
    pub(super) fixed_columns: usize,
    pub(super) pool: &'a Pool,
    pub(super) contributions: Vec<Contribution>,
    pub(super) rounds: Vec<RoundFigures>,
    pub(super) gas_genesis: u64,
    pub(super) vana: Option<VanaFigures>,
    pub(super) test_records: usize,
    pub(super) phases: &'a [(String, Duration)],
    pub(super) demo_peak_rss_bytes: Option<u64>,
    pub(super) total: Duration,
    pub(super) kept: Option<PathBuf>,
}

impl Report {
    pub(super) fn new(facts: Facts<'_>) -> Result<Self, DemoError> {
        let none = || DemoError::Answer { who: "demo".into(), command: "demo".into(), field: "a contributor" };
        let first = facts.contributions.first().cloned().ok_or_else(none)?;
        let (profile, srs, claim) = (facts.profile, facts.srs, first.claim.clone());
        Ok(Self {
            profile: profile.name.clone(),
            k: profile.k,
            advice_columns: facts.advice_columns,
            fixed_columns: facts.fixed_columns,
            parameters: profile.parameters(),
            batch: profile.batch,
            local_steps: profile.local_steps,
            srs: SrsName { k: srs.k(), digest: srs.digest(), origin: srs.origin() },
            witness_ms: claim.witness_ms,
            prove_ms: claim.prove_ms,
            msm16_ms: claim.msm16_ms,
            floor_ms: claim.floor_ms,
            verify_ms: claim.verify_ms,
            proof_bytes: claim.proof_bytes,
            link_bytes: claim.link_bytes,
            peak_rss_bytes: claim.peak_rss_bytes,
            demo_peak_rss_bytes: facts.demo_peak_rss_bytes,
            gas: first.gas,
            verifier_bytes: facts.pool.contracts.iter().map(|(name, c)| (name.clone(), c.code_bytes)).collect(),
            loss: claim.loss,
            loss_raw: claim.loss_raw,
            gas_genesis: facts.gas_genesis,
            paid: facts.vana.as_ref().map(VanaFigures::both_paid),
            vana: facts.vana,
            test_records: facts.test_records,
            rounds: facts.rounds,
            phases: facts.phases.to_vec(),
            minted: first.minted.clone(),
            // Nobody has spent anything.
            balance: first.minted.clone(),
            contributors: facts.contributions,
            total_ms: facts.total.as_secs_f64() * 1e3,
            kept: facts.kept,
        })
    }

    /// Records that a claim's update comes from.
    pub fn shard_records(&self) -> usize {
        usize::try_from(self.local_steps).unwrap_or(usize::MAX).saturating_mul(self.batch)
    }

    /// What a claim is, in words.
    fn claim_in_words(&self) -> String {
        match self.local_steps {
            1 => format!("batch {}", self.batch),
            steps => format!("claims of {steps} steps of batch {}", self.batch),
        }
    }

    /// A table for people.
    pub fn table(&self) -> String {
        let megabytes = |bytes: Option<u64>| match bytes {
            Some(bytes) => format!("{:.0} MB", bytes as f64 / 1e6),
            None => "unknown".to_owned(),
        };
        let largest = self.verifier_bytes.iter().max_by_key(|(_, bytes)| **bytes);
        let largest = largest.map_or(String::new(), |(name, bytes)| format!("{bytes} ({name})"));
        let rows = [
            ("profile", format!("{}, {} parameters, {}", self.profile, self.parameters, self.claim_in_words())),
            (
                "circuit",
                format!("2^{} rows, {} advice and {} fixed columns", self.k, self.advice_columns, self.fixed_columns),
            ),
            ("SRS", format!("{}, {}", self.srs.origin, self.srs.digest)),
            ("witness", format!("{:.0} ms", self.witness_ms)),
            (
                "proof",
                format!(
                    "{:.0} ms ({:.1} MSMs of 2^16, {:.1} times the floor)",
                    self.prove_ms,
                    self.prove_ms / self.msm16_ms.max(1e-9),
                    self.prove_ms / self.floor_ms.max(1e-9)
                ),
            ),
            ("verify", format!("{:.1} ms", self.verify_ms)),
            ("bytes", format!("proof {}, link {}", self.proof_bytes, self.link_bytes)),
            (
                "memory",
                format!("{} proving, {} in all", megabytes(self.peak_rss_bytes), megabytes(self.demo_peak_rss_bytes)),
            ),
            (
                "gas",
                format!(
                    "register {}, validate {}, claim {}",
                    self.gas.register, self.gas.validate_shard, self.gas.claim
                ),
            ),
            ("largest contract", format!("{largest} bytes")),
            ("loss", format!("{:.4} a record", self.loss)),
        ];
        let mut text = String::new();
        for (name, value) in rows {
            // invariant: writing to a string does not fail.
            let _ = writeln!(text, "  {name:<18}{value}");
        }
        for part in &self.contributors {
            let _ = writeln!(text, "  {:<18}{} tokens to {}", "minted", part.minted, part.address);
        }
        let _ = writeln!(text, "  {:<18}{} tokens", "balance", self.balance);
        let _ = writeln!(
            text,
            "\n  round  claims  gas of claims        finalize   proof     loss    accuracy          minted"
        );
        for round in &self.rounds {
            let claims: u64 = round.gas_claim.iter().sum();
            let _ = writeln!(
                text,
                "  {:>5}  {:>6}  {:>13}  {:>14}  {:>5.1} s  {:.4}  {:>5.2} -> {:>5.2} %  {:>6}",
                round.round,
                round.claims,
                claims,
                round.gas_finalize,
                round.round_prove_ms / 1e3,
                round.loss,
                round.test_accuracy_before * 1e2,
                round.test_accuracy * 1e2,
                round.minted
            );
        }
        if let Some(vana) = &self.vana {
            let _ = writeln!(
                text,
                "\n  Vana, pool that pays on proofs: add proof {} gas, request reward {}, {} tokens paid for a score of {}\n  \
                 Vana, unmodified pool: register attestor {}, request reward {}, {} tokens paid",
                vana.add_proof,
                vana.request_reward,
                vana.paid,
                vana.score,
                vana.register_attestor,
                vana.keyless_request_reward,
                vana.keyless_paid
            );
        }
        let _ = writeln!(text, "  {:<18}{:.1} s", "in all", self.total_ms / 1e3);
        text
    }
}
