//! A training proof of `mnist-mlp` whole, and each of its stages: second-phase witness, commitments, coefficients, quotient, its
//! pieces, values, opening.
//!
//! `cargo bench -p zkpoc-benches --bench proof`. Read the figures as ratios of one run; `step` has the yardstick. A stage's figure
//! is that stage's share of whole proofs.
#![allow(missing_docs)] // criterion's macros make public functions

use std::time::Duration;

use criterion::{criterion_group, criterion_main, Criterion};
use halo2_proofs::halo2curves::bn256::Fr;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::training::TrainingCircuit;
use zkpoc_cli::bench::point::workload;
use zkpoc_engine::Stages;
use zkpoc_prover::blinding::random_blinding;
use zkpoc_prover::keys::ProverKey;
use zkpoc_prover::prove::{commit_shard, prove_training, ProvingContext, Registered, Timings, TrainingRequest};
use zkpoc_prover::srs::Srs;

fn proofs(criterion: &mut Criterion) {
    let profile = Profile::builtin("mnist-mlp").expect("a built-in profile");
    let srs = Srs::dev_insecure(profile.k).expect("a string");
    let key = ProverKey::<TrainingCircuit>::generate(&profile, &srs).expect("a key");
    let context = ProvingContext::new(&srs, &key).expect("a string of the right size");
    let (model, shard) = workload(&profile);
    let blinding = random_blinding();
    let commitment = commit_shard(&srs, &key.circuit().plan().grid, &shard, &blinding).expect("a commitment");
    let registered = Registered { commitment, blinding };
    let prove = || -> Timings {
        let request = TrainingRequest {
            model: &model,
            shard: &shard,
            registered: &registered,
            buckets: None,
            context: Fr::from(1),
        };
        prove_training(&context, &request, &mut |_| {}).expect("a proof").timings
    };
    let mut group = criterion.benchmark_group("mnist-mlp");
    group.sample_size(10);
    group.bench_function("proof", |b| b.iter_custom(|count| (0..count).map(|_| prove().prove).sum()));
    group.bench_function("witness of the first phase", |b| {
        b.iter_custom(|count| (0..count).map(|_| prove().witness).sum())
    });
    for (index, (name, _)) in Stages::default().list().into_iter().enumerate() {
        let stage = || -> Duration { prove().stages.list()[index].1 };
        group.bench_function(name, |b| b.iter_custom(|count| (0..count).map(|_| stage()).sum()));
    }
    group.finish();
}

criterion_group!(benches, proofs);
criterion_main!(benches);
