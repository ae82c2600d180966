//! `zkpoc bench`: measurements that anyone can repeat.
//!
//! Reference strings are for development and made here; nothing that is measured can be claimed with.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{json, Value};
use zkpoc_circuits::reference::run;

use crate::bench::floor::{measure, Columns};
use crate::bench::machine::Machine;
use crate::bench::point;
use crate::bench::point::{development_srs, workload};
use crate::bench::runs::{summary, Runner};
use crate::bench::BenchError;
use crate::error::Error;
use crate::metrics::msm16;
use crate::session::grid;
use crate::{Answer, Session};
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::Overwrite;
use zkpoc_prover::measure::milliseconds;

pub mod scale;

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// The least that a proof of a profile's step must compute.
    Floor(FloorArgs),
    /// Whole proofs, each in a fresh process, with medians and ratios.
    Prove(ProveArgs),
    /// How time and memory grow with parameters and batch.
    Scale(scale::ScaleArgs),
    /// One proof in this process: what `prove` and `scale` run.
    Point(PointArgs),
}

/// Where results go.
#[derive(Debug, Args)]
pub struct Output {
    /// Folder for the results as JSON.
    #[arg(long, value_name = "FOLDER", default_value = "bench-results")]
    out: PathBuf,
}

/// Arguments of `bench floor`.
#[derive(Debug, Args)]
pub struct FloorArgs {
    /// The profile: its name, or a TOML file.
    #[arg(default_value = "mnist-mlp")]
    profile: String,
    /// Runs; the median is shown.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    runs: u16,
    #[command(flatten)]
    output: Output,
}

/// Arguments of `bench prove`.
#[derive(Debug, Args)]
pub struct ProveArgs {
    /// The profile: its name, or a TOML file.
    #[arg(default_value = "mnist-mlp")]
    profile: String,
    /// Runs; the median is shown.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    runs: u16,
    /// Prove the round of the update as well.
    #[arg(long)]
    round: bool,
    #[command(flatten)]
    output: Output,
}

/// Arguments of `bench point`.
#[derive(Debug, Args)]
pub struct PointArgs {
    /// The profile: its name, or a TOML file.
    profile: String,
    /// Keep reference string and keys there between runs.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Prove the round of the update as well.
    #[arg(long)]
    round: bool,
    /// Runs of the floor; 0 for none.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1000))]
    floor_runs: u16,
}

impl BenchCommand {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        match self {
            Self::Floor(args) => args.run(session),
            Self::Prove(args) => args.run(session),
            Self::Scale(args) => args.run(session),
            Self::Point(args) => args.run(session),
        }
    }
}

/// Writes a result as `<name>.json` in the folder.
fn save(folder: &Path, name: &str, json: &Value) -> Result<PathBuf, Error> {
    let path = folder.join(format!("{name}.json"));
    std::fs::create_dir_all(folder).map_err(|source| fsio::FsError::Io {
        action: "create",
        path: folder.to_path_buf(),
        source,
    })?;
    fsio::write(&path, format!("{json:#}\n").as_bytes(), Overwrite::Replace)?;
    Ok(path)
}

fn runner(session: &Session, folder: Option<PathBuf>, round: bool, floor_runs: usize) -> Result<Runner, Error> {
    let named = |reason| BenchError::Program { program: "zkpoc".into(), reason };
    Ok(Runner {
        program: std::env::current_exe().map_err(named)?,
        threads: session.global().threads.map(usize::from),
        memory_limit: session.global().memory_limit,
        folder,
        round,
        floor_runs,
    })
}

impl FloorArgs {
    fn run(&self, session: &Session) -> Result<Answer, Error> {
        let machine = Machine::here();
        let profile = session.profile(&self.profile)?;
        let grid = grid(&profile)?;
        let mut phases = session.phases();
        phases.start("reference string");
        let (srs, ..) = development_srs(None, profile.k)?;
        phases.start("floor");
        let (model, shard) = workload(&profile);
        let update = run(&profile, &model, &shard)?.update;
        let floor = measure(&srs, &Columns::of(&grid, &model, &shard, &update), self.runs.into());
        let yardstick = milliseconds(msm16());
        drop(phases);
        let text = format!(
            "{}: floor {:.1} ms, {:.2} x msm16 ({yardstick:.1} ms); with the library's arithmetic {:.1} ms\n\
             {} columns of 2^{}: commitments {:.1}, inverse transforms {:.1}, cosets {:.1}, quotient {:.1}, opening {:.1} ms\n{}",
            profile.name,
            floor.floor_ms,
            floor.floor_ms / yardstick,
            floor.library_floor_ms,
            floor.columns,
            floor.k,
            floor.commit_ms,
            floor.interpolate_ms,
            floor.coset_ms,
            floor.quotient_ms,
            floor.opening_ms,
            machine.text()
        );
        let json = json!({
            "bench": "floor", "profile": profile.name, "machine": machine, "floor": floor, "floor_ms": floor.floor_ms,
            "msm16_ms": yardstick, "floor_per_msm16": floor.floor_ms / yardstick,
        });
        let path = save(&self.output.out, &format!("floor-{}", profile.name), &json)?;
        Ok(Answer::new(format!("{text}\nwritten to {}", path.display()), json))
    }
}

impl ProveArgs {
    fn run(&self, session: &Session) -> Result<Answer, Error> {
        let machine = Machine::here();
        let profile = session.profile(&self.profile)?;
        let keys = tempfile::tempdir().map_err(|reason| BenchError::Program { program: "zkpoc".into(), reason })?;
        let runner = runner(session, Some(keys.path().to_path_buf()), self.round, 3)?;
        let mut phases = session.phases();
        phases.start("reference string and keys");
        // Reference string and keys are made here, outside of the runs that count.
        let setup = Runner { floor_runs: 0, ..runner.clone() }.run(&profile)?;
        let mut points = Vec::new();
        for run in 1..=self.runs {
            phases.start(format!("run {run} of {}", self.runs));
            points.push(runner.run(&profile)?);
        }
        drop(phases);
        let summary = summary(&points);
        let at = |pointer: &str| summary.pointer(&format!("{pointer}/median")).and_then(Value::as_f64).unwrap_or(0.0);
        let text = format!(
            "{}: witness {:.0} ms, proof {:.0} ms, verification {:.1} ms, peak {:.0} MB (medians of {})\n\
             witness and proof: {:.2} x floor, {:.1} x msm16, {:.0} x native step\n{}",
            profile.name,
            at("/training/witness_ms"),
            at("/training/prove_ms"),
            at("/training/verify_ms"),
            at("/training/peak_rss_bytes") / 1e6,
            self.runs,
            at("/prove_per_floor"),
            at("/prove_per_msm16"),
            at("/prove_per_native_step"),
            machine.text()
        );
        let json = json!({
            "bench": "prove", "profile": profile.name, "machine": machine, "setup": setup, "runs": points,
            "summary": summary,
        });
        let path = save(&self.output.out, &format!("prove-{}", profile.name), &json)?;
        Ok(Answer::new(format!("{text}\nwritten to {}", path.display()), json))
    }
}

impl PointArgs {
    fn run(&self, session: &Session) -> Result<Answer, Error> {
        let profile = session.profile(&self.profile)?;
        let options = point::Options {
            folder: self.folder.clone(),
            round: self.round,
            floor_runs: self.floor_runs.into(),
            memory_limit: session.global().memory_limit,
        };
        let point = point::run(&profile, &options)?;
        let text = format!(
            "{}: witness {:.0} ms, proof {:.0} ms of {} bytes, {:.1} x msm16",
            point.profile,
            point.training.witness_ms,
            point.training.prove_ms,
            point.training.proof_bytes,
            point.prove_per_msm16
        );
        // invariant: a struct of numbers and strings serialises.
        let json = serde_json::to_value(&point).expect("a point");
        Ok(Answer::new(text, json))
    }
}
