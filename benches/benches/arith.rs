//! The arithmetic that a proof consists of, beside the library's: multi-exponentiations of field elements and of 16-bit
//! integers, transforms, a value of a polynomial. All of 2^16.
//!
//! `cargo bench -p zkpoc-benches --bench arith`. Read the figures as ratios of one run. `ZKPOC_SCALAR=1` measures what processors
//! without AVX-512 run.
#![allow(missing_docs)] // criterion's macros make public functions

use criterion::{criterion_group, criterion_main, Criterion};
use halo2_proofs::arithmetic::{best_fft, best_multiexp, eval_polynomial, Field};
use halo2_proofs::fft::recursive::FFTData;
use halo2_proofs::halo2curves::bn256::Fr;
use rand_core::OsRng;
use zkpoc_engine::arith;
use zkpoc_engine::arith::Domain;
use zkpoc_prover::srs::Srs;

const K: u32 = 16;

fn multi_exponentiations(criterion: &mut Criterion) {
    let srs = Srs::dev_insecure(K).expect("a string");
    let scalars: Vec<Fr> = (0..1 << K).map(|_| Fr::random(OsRng)).collect();
    let integers: Vec<i64> = (0..1 << K).map(|i| (i * 7919) % 65536 - 32768).collect();
    let mut group = criterion.benchmark_group("multi-exponentiation 2^16");
    group.sample_size(10);
    group.bench_function("library", |b| b.iter(|| best_multiexp(&scalars, srs.powers())));
    group.bench_function("field elements", |b| b.iter(|| arith::msm(&scalars, srs.powers())));
    group.bench_function("16-bit integers", |b| b.iter(|| arith::msm_small(&integers, srs.powers())));
    group.finish();
}

fn transforms(criterion: &mut Criterion) {
    let domain = Domain::new(K);
    let inverse = domain.omega().invert().expect("not zero");
    let data = FFTData::new(domain.size(), domain.omega(), inverse);
    let mut values: Vec<Fr> = (0..1 << K).map(|_| Fr::random(OsRng)).collect();
    let point = Fr::random(OsRng);
    let mut group = criterion.benchmark_group("transform 2^16");
    group.sample_size(10);
    group.bench_function("library", |b| b.iter(|| best_fft(&mut values, domain.omega(), K, &data, false)));
    group.bench_function("to a coset", |b| b.iter(|| domain.evaluate_on_coset(&mut values, point)));
    group.bench_function("to coefficients", |b| b.iter(|| domain.interpolate(&mut values)));
    group.finish();
    let mut group = criterion.benchmark_group("value of a polynomial 2^16");
    group.sample_size(10);
    group.bench_function("library", |b| b.iter(|| eval_polynomial(&values, point)));
    group.bench_function("ours", |b| b.iter(|| arith::evaluate(&values, point)));
    group.finish();
}

criterion_group!(benches, multi_exponentiations, transforms);
criterion_main!(benches);
