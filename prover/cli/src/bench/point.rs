//! One measured proof, in this process: reference string, keys, witness, proof, verification, memory.
//!
//! The data are synthetic and the same in every run: a random model of a fixed seed, a shard in which every fifth feature is
//! not zero, as in MNIST. The reference string is one for development; it and the keys are not part of `prove_ms`, and
//! their times are given apart. `peak_rss_bytes` is the largest resident memory from the start of the witness to the
//! finished and verified proof; reference string and key are resident by then, so it includes them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::SerdeFormat;
use serde::Serialize;
use zkpoc_circuits::grid::Grid;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{self, Model, Shard};
use zkpoc_circuits::round::RoundCircuit;
use zkpoc_circuits::training::TrainingCircuit;

use crate::bench::floor::{measure, Columns, Floor};
use crate::bench::{median, timed, BenchError};
use crate::metrics::msm16;
use zkpoc_circuits::kind::ProfileCircuit;
use zkpoc_engine::Strategy;
use zkpoc_prover::blinding::random_blinding;
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::Overwrite;
use zkpoc_prover::keys::{KeyCache, KeySource, ProverKey};
use zkpoc_prover::measure::{milliseconds, peak_rss_bytes, reset_peak_rss};
use zkpoc_prover::prove::{
    commit_shard, prove_round, prove_training, ProvingContext, Registered, RoundRequest, Timings, TrainingRequest,
    UpdateOpening,
};
use zkpoc_prover::srs::Srs;

/// Seed of the model.
const SEED: [u8; 32] = [7; 32];
/// Native steps of which the median is taken.
const NATIVE_RUNS: usize = 3;

/// What to measure beside the proof.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where reference string and keys are kept between runs; without it they are made and forgotten.
    pub folder: Option<PathBuf>,
    /// Prove the round of this one update as well.
    pub round: bool,
    /// Runs of the floor; 0 for none.
    pub floor_runs: usize,
    /// Bytes that a proof may take; `None` for no limit.
    pub memory_limit: Option<u64>,
}

/// The figures of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// Name of the profile.
    pub profile: String,
    /// Widths.
    pub layers: Vec<usize>,
    /// Records of a step.
    pub batch: usize,
    /// Weights and biases.
    pub parameters: usize,
    /// Circuits have `2^k` rows.
    pub k: u32,
    /// Threads.
    pub threads: usize,
    /// Making the reference string; absent when it was kept.
    pub srs_ms: Option<f64>,
    /// Reading the kept reference string; absent when it was made.
    pub srs_read_ms: Option<f64>,
    /// The training proof.
    pub training: Proof,
    /// The round's proof, if asked for.
    pub round: Option<Proof>,
    /// The training step in plain integers, one thread, median of three.
    pub native_step_ms: f64,
    /// The yardstick.
    pub msm16_ms: f64,
    /// The floor, if asked for.
    pub floor: Option<Floor>,
    /// `prove_ms + witness_ms` of the training proof over the floor's time.
    pub prove_per_floor: Option<f64>,
    /// The same over the yardstick.
    pub prove_per_msm16: f64,
    /// The same over the native step.
    pub prove_per_native_step: f64,
}

/// Figures of one proof.
#[derive(Clone, Debug, Serialize)]
pub struct Proof {
    /// Advice columns.
    pub advice_columns: usize,
    /// Fixed columns.
    pub fixed_columns: usize,
    /// Making the keys; absent when they were kept.
    pub keygen_ms: Option<f64>,
    /// Reading the kept keys; absent when they were made.
    pub key_read_ms: Option<f64>,
    /// Bytes that are kept to prove with: those of the verifying key, the rest follows from the profile.
    pub pk_bytes: u64,
    /// Bytes of the verifying key.
    pub vk_bytes: u64,
    /// Times of the stages of the proof, by name.
    pub stages_ms: BTreeMap<&'static str, f64>,
    /// Step and first-phase columns.
    pub witness_ms: f64,
    /// From the witness to the bytes of the proof.
    pub prove_ms: f64,
    /// The link proof.
    pub link_ms: f64,
    /// Native verification.
    pub verify_ms: f64,
    /// Bytes of the proof.
    pub proof_bytes: usize,
    /// Public inputs.
    pub instances: usize,
    /// Largest resident memory up to the end of the keys.
    pub keygen_peak_rss_bytes: Option<u64>,
    /// Largest resident memory while proving.
    pub peak_rss_bytes: Option<u64>,
}

/// The model and the shard that are measured.
pub fn workload(profile: &Profile) -> (Model, Shard) {
    let most = (1u32 << profile.feature_bits) - 1;
    let least = profile.feature_range().0;
    let feature = |i: usize| match i % 5 {
        0 => (least + i64::from(1 + (i as u32).wrapping_mul(2_654_435_761) % most)) as u16,
        _ => 0,
    };
    let records = profile.shard_records();
    let shard = Shard {
        features: (0..records * profile.features()).map(feature).collect(),
        labels: (0..records).map(|i| (i % profile.classes()) as u16).collect(),
    };
    (Model::random(profile, SEED), shard)
}

/// The development string of a size, whether it is the one that the folder kept, and the time to read or make it.
pub fn development_srs(folder: Option<&Path>, k: u32) -> Result<(Srs, bool, f64), BenchError> {
    let file = folder.map(|folder| folder.join(format!("bench-k{k}.srs")));
    if let Some(file) = file.as_ref().filter(|file| file.exists()) {
        let (time, srs) = timed(|| Srs::load(file));
        return Ok((srs?, true, time));
    }
    let (time, srs) = timed(|| Srs::dev_insecure(k));
    let srs = srs?;
    if let Some(file) = file {
        srs.save(&file, Overwrite::Replace)?;
    }
    Ok((srs, false, time))
}

/// Measures one proof.
pub fn run(profile: &Profile, options: &Options) -> Result<Point, BenchError> {
    if let Some(folder) = &options.folder {
        fsio::create_secret_dir(folder)?;
    }
    let (srs, kept, srs_time) = development_srs(options.folder.as_deref(), profile.k)?;
    let (model, shard) = workload(profile);
    let mut natives = Vec::new();
    for _ in 0..NATIVE_RUNS {
        let (time, trace) = timed(|| reference::run(profile, &model, &shard));
        drop(trace?);
        natives.push(time);
    }
    let (training, opening) = training(profile, &srs, options, &model, &shard)?;
    let round = match options.round {
        true => Some(round(profile, &srs, options, &model, &opening)?),
        false => None,
    };
    let yardstick = milliseconds(msm16());
    let floor = (options.floor_runs > 0).then(|| {
        // invariant: the key of this profile was made, so it has a grid.
        let grid = Grid::new(profile).expect("a grid");
        measure(&srs, &Columns::of(&grid, &model, &shard, &opening.update), options.floor_runs)
    });
    let (whole, native) = (training.witness_ms + training.prove_ms, median(&natives));
    Ok(Point {
        profile: profile.name.clone(),
        layers: profile.layers.clone(),
        batch: profile.batch,
        parameters: profile.parameters(),
        k: profile.k,
        threads: rayon::current_num_threads(),
        srs_ms: (!kept).then_some(srs_time),
        srs_read_ms: kept.then_some(srs_time),
        training,
        round,
        native_step_ms: native,
        msm16_ms: yardstick,
        prove_per_floor: floor.as_ref().map(|floor| whole / floor.floor_ms),
        floor,
        prove_per_msm16: whole / yardstick,
        prove_per_native_step: whole / native,
    })
}

/// A key with what it took.
struct Ready<C> {
    key: ProverKey<C>,
    made: Option<f64>,
    read: Option<f64>,
    peak: Option<u64>,
}

fn ready<C: ProfileCircuit>(profile: &Profile, srs: &Srs, options: &Options) -> Result<Ready<C>, BenchError> {
    reset_peak_rss();
    let (time, key) = timed(|| {
        let made = match &options.folder {
            Some(folder) => KeyCache::new(folder).prover::<C>(profile, srs),
            None => ProverKey::generate(profile, srs).map(|key| (key, KeySource::Made)),
        };
        made.map_err(BenchError::from).and_then(|(key, source)| {
            key.engine().prepare(Strategy::within(key.engine().shape(), options.memory_limit)?);
            Ok((key, source))
        })
    });
    let (key, source) = key?;
    let kept = source == KeySource::Kept;
    Ok(Ready { key, made: (!kept).then_some(time), read: kept.then_some(time), peak: peak_rss_bytes() })
}

impl<C: ProfileCircuit> Ready<C> {
    fn proof(&self, timings: &Timings, bytes: usize, instances: usize, peak: Option<u64>) -> Result<Proof, BenchError> {
        let vk = self.key.verifier().vk();
        // A proving key is the verifying key and what its profile determines: no other file is kept.
        let kept = vk.to_bytes(SerdeFormat::RawBytes).len() as u64;
        Ok(Proof {
            advice_columns: vk.cs().num_advice_columns(),
            fixed_columns: vk.cs().num_fixed_columns(),
            keygen_ms: self.made,
            key_read_ms: self.read,
            pk_bytes: kept,
            vk_bytes: kept,
            stages_ms: timings.stages.list().map(|(name, time)| (name, milliseconds(time))).into(),
            witness_ms: milliseconds(timings.witness),
            prove_ms: milliseconds(timings.prove),
            link_ms: milliseconds(timings.link),
            verify_ms: milliseconds(timings.verify),
            proof_bytes: bytes,
            instances,
            keygen_peak_rss_bytes: self.peak,
            peak_rss_bytes: peak,
        })
    }
}

fn training(
    profile: &Profile,
    srs: &Srs,
    options: &Options,
    model: &Model,
    shard: &Shard,
) -> Result<(Proof, UpdateOpening), BenchError> {
    let ready = ready::<TrainingCircuit>(profile, srs, options)?;
    let proving = ProvingContext::new(srs, &ready.key)?.within(options.memory_limit)?;
    let blinding = random_blinding();
    let commitment = commit_shard(srs, &ready.key.circuit().plan().grid, shard, &blinding)?;
    let registered = Registered { commitment, blinding };
    let request = TrainingRequest { model, shard, registered: &registered, buckets: None, context: Fr::from(1) };
    reset_peak_rss();
    let made = prove_training(&proving, &request, &mut |_| {})?;
    let peak = peak_rss_bytes();
    Ok((ready.proof(&made.timings, made.proof.len(), made.instances.len(), peak)?, made.opening))
}

fn round(
    profile: &Profile,
    srs: &Srs,
    options: &Options,
    model: &Model,
    opening: &UpdateOpening,
) -> Result<Proof, BenchError> {
    let ready = ready::<RoundCircuit>(profile, srs, options)?;
    let proving = ProvingContext::new(srs, &ready.key)?.within(options.memory_limit)?;
    let sum = UpdateOpening::sum(profile, &ready.key.circuit().plan().grid, [opening]);
    let request = RoundRequest { model, sum: &sum, claims: 1, context: Fr::from(1) };
    reset_peak_rss();
    let made = prove_round(&proving, &request, &mut |_| {})?;
    let peak = peak_rss_bytes();
    ready.proof(&made.timings, made.proof.len(), made.instances.len(), peak)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_of_toy_is_proven_and_its_keys_are_kept() {
        let profile = Profile::builtin("toy").expect("a profile");
        let folder = tempfile::tempdir().expect("a folder");
        let options =
            Options { folder: Some(folder.path().to_owned()), round: true, floor_runs: 1, memory_limit: None };
        let first = run(&profile, &options).expect("a point");
        assert!(first.srs_ms.is_some() && first.training.keygen_ms.is_some() && first.training.key_read_ms.is_none());
        assert_eq!((first.training.instances, first.round.as_ref().map(|round| round.instances)), (3, Some(2)));
        let second = run(&profile, &options).expect("a point");
        assert!(
            second.srs_ms.is_none() && second.training.keygen_ms.is_none() && second.training.key_read_ms.is_some()
        );
        assert_eq!(first.training.pk_bytes, second.training.pk_bytes);
        assert!(
            first.training.vk_bytes > 0 && first.training.stages_ms.values().sum::<f64>() <= first.training.prove_ms
        );
    }
}
