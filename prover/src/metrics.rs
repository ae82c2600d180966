//! Figures of a run: one multi-exponentiation as a yardstick, and peak memory.

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

/// Largest resident memory of this process so far, bytes; `None` where the system does not say.
pub fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    kib.checked_mul(1024)
}

/// Starts the measurement of [`peak_rss_bytes`] anew; false where the system does not allow it, so
/// that the figure includes everything before.
pub fn reset_peak_rss() -> bool {
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// A duration in milliseconds, to the microsecond.
pub fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_covers_memory_that_was_touched_and_released() {
        let Some(before) = peak_rss_bytes() else { return };
        let block = std::hint::black_box(vec![1u8; 64 << 20]);
        drop(block);
        let after = peak_rss_bytes().expect("peak");
        assert!(after >= before && after >= 64 << 20, "{before} {after}");
    }
}
