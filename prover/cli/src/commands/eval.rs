//! `zkpoc eval`: how good a model is, and how training in fixed point compares with floating point.

use std::path::PathBuf;

use clap::Args;
use rayon::prelude::*;
use serde_json::{json, Value};
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{evaluate, run, Model, Shard, Update};

use crate::error::Error;
use crate::float::{Change, FloatModel};
use crate::session::{bytes32, model};
use crate::source::Source;
use crate::{Answer, Session};
use zkpoc_client::data::Records;

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// The profile: a name, or a TOML file.
    profile: String,
    /// The model, as safetensors [default: the public start model of --model-seed].
    #[arg(long, value_name = "FILE", conflicts_with = "model_seed")]
    model: Option<PathBuf>,
    /// Seed of the public start model, 32 bytes in hexadecimal [default: zeros].
    #[arg(long, value_name = "HEX", value_parser = bytes32)]
    model_seed: Option<[u8; 32]>,
    /// First train natively for so many rounds, in fixed and in floating point side by side. When all shards were used, training
    /// goes on with the first.
    #[arg(long, value_name = "N", default_value_t = 0)]
    rounds: usize,
    /// Contributors of a round, each with shards of their own.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    contributors: u16,
    /// Rounds between two measurements.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    every: u16,
    #[command(flatten)]
    source: Source,
}

impl EvalArgs {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        let profile = session.profile(&self.profile)?;
        let start = match &self.model {
            Some(path) => model(&profile, path)?,
            None => Model::random(&profile, self.model_seed.unwrap_or_default()),
        };
        let mut phases = session.phases();
        phases.start("reading records");
        let train = match self.rounds {
            0 => Vec::new(),
            _ => self.shards(&profile)?,
        };
        let (test, on) = match self.source.test(&profile)? {
            Some(records) => (records, "test records"),
            None => (self.source.all(&profile)?, "records, those of training included"),
        };
        phases.start("measuring");
        if self.rounds == 0 {
            let (accuracy, loss) = evaluate(&profile, &start, test.features(), test.labels())?;
            let text = format!("accuracy {:.2} %, mean loss {loss:.4} on {} {on}", accuracy * 1e2, test.len());
            let json = json!({
                "profile": profile.name, "accuracy": accuracy, "loss": loss, "measured_on": on, "records": test.len(),
            });
            return Ok(Answer::new(text, json));
        }
        let curve = self.train(&profile, start, &train, &test)?;
        drop(phases);
        let mut text = format!("rounds of {} contributors; {} {on}\n", self.contributors, test.len());
        text.push_str("round   fixed point         floating point      difference\n");
        for point in &curve {
            text.push_str(&format!(
                "{:>5}   {:>6.2} %  {:.4}    {:>6.2} %  {:.4}    {:+.2} points\n",
                point.round,
                point.fixed.0 * 1e2,
                point.fixed.1,
                point.float.0 * 1e2,
                point.float.1,
                (point.fixed.0 - point.float.0) * 1e2
            ));
        }
        let curve: Vec<Value> = curve
            .iter()
            .map(|point| {
                json!({
                    "round": point.round, "accuracy": point.fixed.0, "loss": point.fixed.1,
                    "float_accuracy": point.float.0, "float_loss": point.float.1,
                })
            })
            .collect();
        let json = json!({
            "profile": profile.name, "contributors": self.contributors, "records": test.len(), "measured_on": on,
            "shards": train.len(), "rounds": curve,
        });
        Ok(Answer::new(text.trim_end(), json))
    }

    /// Shards of whole rounds: one for each claim, or as many as there are records for.
    fn shards(&self, profile: &Profile) -> Result<Vec<Shard>, Error> {
        let claims = usize::from(self.contributors);
        let of = |rounds: usize| rounds.saturating_mul(claims).saturating_mul(profile.shard_records());
        let records = self.source.load_up_to(profile, of(1), of(self.rounds))?;
        let rounds = (records.len() / of(1).max(1)).min(self.rounds);
        Ok(records.shards(profile, rounds * claims)?)
    }

    fn train(&self, profile: &Profile, start: Model, train: &[Shard], test: &Records) -> Result<Vec<Point>, Error> {
        let mut float = FloatModel::new(profile, &start);
        let (mut previous, mut fixed) = (start.clone(), start);
        let mut curve = Vec::new();
        let claims = usize::from(self.contributors);
        for (round, shards) in train.chunks_exact(claims).cycle().take(self.rounds).enumerate() {
            let updates: Result<Vec<Update>, _> =
                shards.par_iter().map(|shard| run(profile, &fixed, shard).map(|trace| trace.update)).collect();
            let mut sum = Update::zero(profile);
            updates?.iter().for_each(|update| sum.add(update));
            let next = fixed.apply_mean_after(profile, &previous, &sum, claims as u64);
            previous = std::mem::replace(&mut fixed, next);
            let runs: Vec<Change> = shards.par_iter().map(|shard| float.run(&shard.features, &shard.labels)).collect();
            float.round(&runs);
            if (round + 1) % usize::from(self.every) == 0 || round + 1 == self.rounds {
                curve.push(Point {
                    round: round + 1,
                    fixed: evaluate(profile, &fixed, test.features(), test.labels())?,
                    float: float.evaluate(test.features(), test.labels()),
                });
            }
        }
        Ok(curve)
    }
}

/// Accuracy and mean loss of both after a round.
struct Point {
    round: usize,
    fixed: (f64, f64),
    float: (f64, f64),
}
