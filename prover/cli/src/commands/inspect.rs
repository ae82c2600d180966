//! `zkpoc inspect`: what a profile means, without any key; `--svg` draws its layout, `--solve` looks for a better one.
//!
//! # Estimates
//! Rough, from the shapes alone: `prove_seconds` on two cores and `verify_gas` of the generated verifier by
//! [`crate::layout::cost`], `memory_bytes` of proving by [`zkpoc_engine::memory`].

use std::path::PathBuf;

use clap::Args;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;
use serde_json::{json, Value};
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::grid::TAIL;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::round::RoundCircuit;
use zkpoc_circuits::training::{Plan, TrainingCircuit};

use crate::error::Error;
use crate::layout::cost::{Counts, MEASURED};
use crate::layout::solve;
use crate::layout::solve::Purpose;
use crate::layout::svg::draw;
use crate::session::grid;
use crate::{Answer, Session};
use zkpoc_circuits::kind::ProfileCircuit;
use zkpoc_engine::{self, Strategy};
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::Overwrite;
use zkpoc_prover::keys::KeyError;
use zkpoc_prover::link::LINK_PROOF_BYTES;

/// Seconds of two cores for one multi-exponentiation of 2^16 points, the unit of the cost model.
const SECONDS_A_UNIT: f64 = 0.115;

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// The profile: its name, or a TOML file.
    profile: String,
    /// Search the layouts of the profile's network for the best one, and print its lines for a profile's file.
    #[arg(long, value_name = "PURPOSE", conflicts_with = "svg")]
    solve: Option<Purpose>,
    /// Draw the layout of the training circuit into a file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// What a constraint system says about its proofs.
struct Shape {
    engine: zkpoc_engine::Shape,
    counts: Counts,
}

impl Shape {
    fn of<C: ProfileCircuit>(profile: &Profile) -> Result<Self, Error> {
        let layout = |source| Error::Layout { profile: profile.name.clone(), source };
        let circuit = C::of_profile(profile).map_err(layout)?;
        let mut cs = ConstraintSystem::<Fr>::default();
        let _config = C::configure_with_params(&mut cs, circuit.params());
        let unproven = |source| KeyError::Shape { profile: profile.name.clone(), circuit: C::KIND, source };
        let engine = zkpoc_engine::Shape::of(&cs, profile.k).map_err(unproven)?;
        Ok(Self { engine, counts: Counts::of(&cs, profile.k) })
    }

    fn proof_bytes(&self) -> usize {
        64 * self.counts.points() + 32 * self.counts.evaluations()
    }

    fn json(&self) -> Value {
        let Self { engine, counts } = self;
        json!({
            "advice_columns": engine.advice, "fixed_columns": engine.fixed, "degree": counts.degree,
            "blinding_rows": engine.blinding_rows, "proof_points": counts.points(),
            "evaluations": counts.evaluations(), "proof_bytes": self.proof_bytes(),
            "estimate": {
                "prove_seconds": counts.time(&MEASURED) * SECONDS_A_UNIT,
                "memory_bytes": Strategy::Fast.peak(engine),
                "verify_gas": counts.gas(&MEASURED).round() as u64,
            },
        })
    }

    fn text(&self) -> String {
        let json = self.json();
        let estimate = &json["estimate"];
        format!(
            "{} advice and {} fixed columns, degree {}, proof {} B; about {:.2} s on two cores, {:.0} MB, {:.0} k gas",
            self.engine.advice,
            self.engine.fixed,
            self.counts.degree,
            self.proof_bytes(),
            estimate["prove_seconds"].as_f64().unwrap_or_default(),
            estimate["memory_bytes"].as_f64().unwrap_or_default() / 1e6,
            estimate["verify_gas"].as_f64().unwrap_or_default() / 1e3
        )
    }
}

impl InspectArgs {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        let profile = session.profile(&self.profile)?;
        if let Some(purpose) = self.solve {
            return Ok(solved(&profile, purpose));
        }
        let grid = grid(&profile)?;
        let layout = |source| Error::Layout { profile: profile.name.clone(), source };
        let plan = Plan::new(&profile).map_err(layout)?;
        if let Some(path) = &self.svg {
            fsio::write(path, draw(&plan).as_bytes(), Overwrite::Refuse)?;
            return Ok(Answer::new(format!("drawn into {}", path.display()), json!({ "svg": path })));
        }
        let training = Shape::of::<TrainingCircuit>(&profile)?;
        let dataset = Shape::of::<DatasetCircuit>(&profile)?;
        let round = Shape::of::<RoundCircuit>(&profile)?;
        let bounds = profile.bounds();
        let id = format!("0x{}", hex::encode(profile.id()));
        // invariant: canonical JSON is JSON.
        let resolved: Value = serde_json::from_str(&profile.canonical_json()).unwrap_or_default();
        let (norm_bits, loss_bits) = plan.bucket_bits();
        let used = grid.end() * grid.rows_per_block * grid.laps;
        let json = json!({
            "profile": resolved,
            "profile_id": id,
            "parameters": profile.parameters(),
            "bounds": {
                "pre_activation": texts(&bounds.pre_activation), "backprop": texts(&bounds.backprop),
                "residual": bounds.residual.to_string(), "update": bounds.update.to_string(),
                "norm": bounds.norm.to_string(), "loss": bounds.loss.to_string(),
            },
            "layout": {
                "rows": grid.rows(), "rows_per_block": grid.rows_per_block, "blocks": grid.blocks(),
                "blocks_used": grid.end(), "rows_used": used, "tail": TAIL,
                "columns": {
                    "model": grid.columns, "data": 1, "update": grid.columns, "private": plan.aux_columns,
                    "chains": plan.chain_columns,
                },
                "lanes": lanes(&plan),
                "largest_norm_log2": norm_bits.min(126), "largest_loss_log2": loss_bits.min(126),
            },
            "training": training.json(),
            "dataset": dataset.json(),
            "round": round.json(),
            "link_bytes": LINK_PROOF_BYTES,
        });
        let layers: Vec<String> = profile.layers.iter().map(usize::to_string).collect();
        let (run, laps) = match profile.local_steps {
            1 => (String::new(), String::new()),
            steps => (format!(", in runs of {steps} steps of {}", profile.batch), format!(" in each of {steps} laps")),
        };
        let text = format!(
            "{}: {} with {} parameters, {} records a shard{run}\nid {id}\n\
             rows: 2^{} = {}, {} of {} blocks of {} used{laps}, tail {TAIL}\n\
             private columns: {} of lanes, {} of chains\n\
             bounds: update < 2^{}, squared norm < 2^{}, loss < 2^{}\n\
             training: {}\ndataset:  {}\nround:    {}\n\
             (times, memory and gas are estimates; a link adds {LINK_PROOF_BYTES} B)",
            profile.name,
            layers.join("-"),
            profile.parameters(),
            profile.shard_records(),
            profile.k,
            grid.rows(),
            grid.end(),
            grid.blocks(),
            grid.rows_per_block,
            plan.aux_columns,
            plan.chain_columns,
            bits(bounds.update),
            bits(bounds.norm),
            bits(bounds.loss),
            training.text(),
            dataset.text(),
            round.text(),
        );
        Ok(Answer::new(text, json))
    }
}

/// How many layouts are shown.
const SHOWN: usize = 12;

fn solved(profile: &Profile, purpose: Purpose) -> Answer {
    let candidates = solve::candidates(profile, purpose, &MEASURED);
    let shown: Vec<Value> = candidates
        .iter()
        .take(SHOWN)
        .map(|c| {
            json!({
                "k": c.profile.k, "stack_bits": c.profile.stack_bits, "weight_columns": c.profile.weight_columns,
                "limb_bits": c.profile.limb_bits, "first_phase": c.counts.first, "second_phase": c.counts.second,
                "fixed": c.counts.fixed, "evaluations": c.counts.evaluations(), "time_msm16": c.time, "gas": c.gas,
            })
        })
        .collect();
    let toml = candidates.first().map(solve::Candidate::toml);
    let text = format!("layouts of {}\n{}", profile.name, solve::explain(&candidates, purpose, SHOWN));
    Answer::new(text, json!({ "candidates": shown, "layouts": candidates.len(), "toml": toml }))
}

fn bits(value: u128) -> u32 {
    128 - value.leading_zeros()
}

fn texts(values: &[u128]) -> Vec<String> {
    values.iter().map(u128::to_string).collect()
}

/// Lanes of the first phase by what they hold: column and shift of each.
fn lanes(plan: &Plan) -> Value {
    let places = |lanes: &[zkpoc_circuits::training::plan::Lane]| {
        lanes.iter().map(|lane| json!([lane.column, lane.shift])).collect::<Vec<_>>()
    };
    let part = |part: &zkpoc_circuits::training::plan::Requantise| {
        json!({
            "quotient": places(&part.quotient.lanes), "remainder": places(&part.remainder.lanes),
            "excess": places(&part.excess.lanes), "below": places(std::slice::from_ref(&part.below)),
        })
    };
    json!({ "activation": plan.relu.as_ref().map(part), "signal": part(&plan.signal) })
}
