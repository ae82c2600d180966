//! What a training step costs before the proof: the native step, the first phase's columns, the second
//! phase's columns; beside one multi-exponentiation of 2^16 random scalars on the same threads.
//!
//! `cargo bench -p zkpoc-benches`. Read the figures as ratios of one run; seconds depend on the machine and its load.
//! The proof as a whole is measured by `zkpoc demo --json` (`prove_ms` beside `msm16_ms`).
#![allow(missing_docs)] // criterion's macros make public functions

use criterion::{criterion_group, criterion_main, Criterion};
use halo2_proofs::halo2curves::bn256::Fr;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::run;
use zkpoc_circuits::training::phase2::{ChallengeValues, Phase2};
use zkpoc_circuits::training::{Phase1, Plan};
use zkpoc_cli::bench::point::workload;
use zkpoc_cli::metrics::msm16;

fn steps(criterion: &mut Criterion) {
    for name in ["digits-tiny", "mnist-linear", "mnist-mlp"] {
        let profile = Profile::builtin(name).expect("a built-in profile");
        let plan = Plan::new(&profile).expect("built-in profiles fit");
        let (model, shard) = workload(&profile);
        let trace = run(&profile, &model, &shard).expect("a valid shard");
        let (norm, loss) = (128 - trace.norm.leading_zeros(), 128 - trace.loss.leading_zeros());
        let first = Phase1::new(&plan, &model, &shard, &trace, norm, loss).expect("buckets that hold");
        let challenges = ChallengeValues {
            theta: Fr::from(0x5eed_0001),
            upsilon: Fr::from(0x5eed_0002),
            alpha: Fr::from(0x5eed_0003),
            mu: Fr::from(0x5eed_0004),
        };

        let mut group = criterion.benchmark_group(name);
        group.sample_size(10);
        group.bench_function("native step", |b| b.iter(|| run(&profile, &model, &shard)));
        group.bench_function("first phase", |b| b.iter(|| Phase1::new(&plan, &model, &shard, &trace, norm, loss)));
        group.bench_function("second phase", |b| b.iter(|| Phase2::new(&plan, &first, &challenges)));
        group.finish();
    }
}

fn yardstick(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("yardstick");
    group.sample_size(10);
    group.bench_function("multi-exponentiation 2^16", |b| b.iter_custom(|count| (0..count).map(|_| msm16()).sum()));
    group.finish();
}

criterion_group!(benches, steps, yardstick);
criterion_main!(benches);
