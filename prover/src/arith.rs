//! Arithmetic over whole columns: multi-exponentiations, transforms, and products of slices.
//!
//! Everything that costs a proof its time passes through here, so it can be made fast in one place.
//! The results are exact field and group elements; tests compare them with the library's.
//!
//! # Shapes
//! A column of a domain of size `2^k` has `2^k` values or coefficients. Integers are `i64`: a
//! negative one stands for the field element `r - |v|`.

use halo2_proofs::arithmetic::{best_multiexp, eval_polynomial, Field};
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use rayon::prelude::*;
use zkpoc_circuits::field::signed;

mod ntt;

pub use ntt::Domain;

/// `sum scalars_i bases_i`.
pub fn msm(scalars: &[Fr], bases: &[G1Affine]) -> G1 {
    best_multiexp(scalars, &bases[..scalars.len()])
}

/// `sum values_i bases_i` for integers; the cost grows with the bits of the largest.
pub fn msm_small(values: &[i64], bases: &[G1Affine]) -> G1 {
    let part = |sign: i64| -> Vec<Fr> {
        values.par_iter().map(|value| signed(i128::from(value.saturating_mul(sign).max(0)))).collect()
    };
    msm(&part(1), bases) - msm(&part(-1), bases)
}

/// Value of a polynomial, given by its coefficients from the constant one upwards.
pub fn evaluate(coefficients: &[Fr], point: Fr) -> Fr {
    eval_polynomial(coefficients, point)
}

/// `sum_i += factor * values_i`; `sum` may be longer.
pub fn add_scaled(sum: &mut [Fr], values: &[Fr], factor: Fr) {
    sum.par_iter_mut().zip(values).with_min_len(1 << 10).for_each(|(sum, value)| *sum += factor * value);
}

/// `values_i *= factor`.
pub fn scale(values: &mut [Fr], factor: Fr) {
    values.par_iter_mut().with_min_len(1 << 10).for_each(|value| *value *= factor);
}

/// `values_i *= factor^i`.
pub fn scale_by_powers(values: &mut [Fr], factor: Fr) {
    const CHUNK: usize = 1 << 10;
    values.par_chunks_mut(CHUNK).enumerate().for_each(|(index, chunk)| {
        let mut power = factor.pow_vartime([(index * CHUNK) as u64]);
        for value in chunk {
            *value *= power;
            power *= factor;
        }
    });
}
