//! Sums and products of slices of scalar field elements.

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;

use super::lanes::{Lanes, ScalarField};
use super::transform::factor;
use super::words::{to_words, Words};
use super::TERMS;

type L = Lanes<ScalarField>;

/// `sum_i += factor * values_i`, for slices of one length.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
pub(super) fn add_scaled(sum: &mut [Words], values: &[Words], scale: Fr) {
    let scale = L::splat(&factor(scale));
    for (sum, values) in sum.chunks_mut(8).zip(values.chunks(8)) {
        let last = values.len() - 1;
        let a = L::load(std::array::from_fn(|i| &sum[i.min(last)]));
        let b = L::load(std::array::from_fn(|i| &values[i.min(last)]));
        let out = a.add(b.mul(scale)).canonical().store();
        sum.copy_from_slice(&out[..sum.len()]);
    }
}

/// `outs_o[i] += sum factor * values_t[start + i]` over the `(t, factor)` of each of the slices `outs`, which are of one length; `t` is
/// below [`TERMS`]. Every value is read once.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
pub(super) fn add_combinations(
    outs: &mut [&mut [Words]],
    values: &[&[Words]],
    factors: &[Vec<(usize, [u64; 5])>],
    start: usize,
) {
    let length = outs.first().map_or(0, |out| out.len());
    let mut lanes = [L::zero(); TERMS];
    for row in (0..length).step_by(8) {
        let width = (length - row).min(8);
        let place = |i: usize| row + i.min(width - 1);
        for (lanes, values) in lanes.iter_mut().zip(values) {
            *lanes = L::load(std::array::from_fn(|i| &values[start + place(i)]));
        }
        for (out, factors) in outs.iter_mut().zip(factors) {
            let mut sum = L::load(std::array::from_fn(|i| &out[place(i)]));
            let pairs = factors.chunks_exact(2);
            for (term, factor) in pairs.remainder() {
                sum = sum.add(lanes[*term].mul(L::splat(factor)));
            }
            for pair in pairs {
                let [(s, a), (t, b)] = [pair[0], pair[1]];
                let [a, b] = L::mul_each([lanes[s], lanes[t]], [L::splat(&a), L::splat(&b)]);
                sum = sum.add(a).add(b);
            }
            let sum = sum.canonical().store();
            out[row..row + width].copy_from_slice(&sum[..width]);
        }
    }
}

/// `values_i *= first * step^i`.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
pub(super) fn scale_by_powers(values: &mut [Words], first: Fr, step: Fr) {
    let mut power = first * Fr::from(16);
    let start: [Words; 8] = std::array::from_fn(|_| {
        let words = to_words(power);
        power *= step;
        words
    });
    let mut power = L::load(std::array::from_fn(|i| &start[i]));
    let step = L::splat(&factor(step.pow_vartime([8])));
    for values in values.chunks_mut(8) {
        let last = values.len() - 1;
        let out = L::load(std::array::from_fn(|i| &values[i.min(last)])).mul(power).canonical_of_product().store();
        values.copy_from_slice(&out[..values.len()]);
        power = power.mul(step);
    }
}

/// Value at `point` of a polynomial with these coefficients: sums over 32 strides of Horner's scheme, eight in a register and four
/// registers side by side.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
pub(super) fn evaluate(coefficients: &[Words], point: Fr) -> Fr {
    let step = L::splat(&factor(point.pow_vartime([32])));
    let mut sums = [L::zero(); 4];
    let whole = coefficients.len() / 32 * 32;
    for chunk in coefficients[..whole].chunks_exact(32).rev() {
        sums = L::mul_each(sums, [step; 4]);
        for (sum, chunk) in sums.iter_mut().zip(chunk.chunks_exact(8)) {
            *sum = sum.add(L::load(std::array::from_fn(|i| &chunk[i])));
        }
    }
    let horner = |words: &[Words]| {
        words.iter().rev().fold(Fr::ZERO, |sum, words| sum * point + super::words::from_words::<Fr>(*words))
    };
    let mut lanes = [[0u64; 4]; 32];
    for (lanes, sum) in lanes.chunks_exact_mut(8).zip(sums) {
        lanes.copy_from_slice(&sum.canonical().store());
    }
    horner(&lanes) + point.pow_vartime([whole as u64]) * horner(&coefficients[whole..])
}

/// `sum += sum_l (P_l(X) - P_l(s_l)) / (X - s_l)` for eight polynomials of the length of `sum`, a multiple of eight, by synthetic division:
/// `q_(i-1) = p_i + s q_i`. `carry` is the last of each that the coefficients above gave, then the next.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
pub(super) fn add_quotients(sum: &mut [Words], polynomials: [&[Words]; 8], points: [Fr; 8], carry: &mut [Words; 8]) {
    let factors = points.map(|point| to_words(point * Fr::from(16)));
    let point = L::load(std::array::from_fn(|lane| &factors[lane]));
    // The quotients' coefficients of eight powers; each row's comes from the row above.
    let mut quotient = L::load(std::array::from_fn(|lane| &carry[lane]));
    let mut rows = [L::zero(); 8];
    for start in (0..sum.len()).step_by(8).rev() {
        for row in (0..8).rev() {
            rows[row] = quotient;
            let next = L::load(std::array::from_fn(|lane| &polynomials[lane][start + row]));
            quotient = quotient.mul(point).add(next);
        }
        let sum: &mut [Words] = &mut sum[start..start + 8];
        let before = L::load(std::array::from_fn(|i| &sum[i]));
        sum.copy_from_slice(&before.add(L::sums(&rows)).canonical().store());
    }
    *carry = quotient.canonical().store();
}
