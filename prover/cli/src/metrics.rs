//! One multi-exponentiation as a yardstick of the figures of a run.

use std::time::{Duration, Instant};

use halo2_proofs::arithmetic::{best_multiexp, Field};
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;
use halo2_proofs::halo2curves::group::{Curve, Group};
use rand_core::OsRng;
use rayon::prelude::*;

/// log2 of the size of the yardstick.
pub const MSM_LOG2: u32 = 16;

/// Time of one multi-exponentiation of `2^16` random scalars, on the current pool's threads: the
/// median of three. What a proof costs in this unit says more than seconds of a machine.
pub fn msm16() -> Duration {
    let n = 1usize << MSM_LOG2;
    let scalars: Vec<Fr> = (0..n).into_par_iter().map(|_| Fr::random(OsRng)).collect();
    let mut sums = Vec::with_capacity(n);
    let mut sum = G1::random(OsRng);
    for _ in 0..n {
        sums.push(sum);
        sum += G1Affine::generator();
    }
    let mut bases = vec![G1Affine::identity(); n];
    G1::batch_normalize(&sums, &mut bases);
    let mut times: Vec<Duration> = (0..3)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(best_multiexp(&scalars, &bases));
            start.elapsed()
        })
        .collect();
    times.sort();
    times[1]
}
