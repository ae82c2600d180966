//! Arithmetic for processors with AVX-512 IFMA.
//!
//! One of the two modules of the workspace with `unsafe` code; the other, [`crate::heap`], is one call. Here it is: reading and writing registers ([`lanes`]), seeing the library's
//! elements as words ([`words`]), tasks that write to disjoint places of one slice ([`transform`]), and the entries below,
//! which call code compiled for instructions that [`available`] has found.
//!
//! # Soundness
//! Results are exact and compared with the library's in tests. A fault here makes proofs that the prover's own check
//! refuses; no verifier uses this module.
#![allow(unsafe_code)]

use std::sync::OnceLock;

mod lanes;
pub(super) mod points;
mod rows;
mod slices;
pub(super) mod transform;
mod words;

use super::rows::Steps;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use points::{Pair, Point, Scratch};
use rayon::prelude::*;
use transform::{Matrix, Roots, Shared, Twiddles};

/// Most slices that count in [`add_combinations`].
pub(super) const TERMS: usize = 64;

/// Elements of a slice that one task handles.
const CHUNK: usize = 1 << 11;

/// Elements of each of many slices that one task handles, so that they stay in a cache.
const BLOCK: usize = 1 << 9;

/// Whether this processor has the instructions and the library the memory layout that this module needs. `ZKPOC_SCALAR=1` in
/// the environment says no, for comparisons.
pub(super) fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512ifma")
            && is_x86_feature_detected!("avx512vbmi2")
            && words::check()
            && std::env::var_os("ZKPOC_SCALAR").is_none_or(|value| value != "1")
    })
}

fn require() {
    assert!(available(), "vector code is chosen only where it is available");
}

/// Points in the form of this module.
pub(super) fn prepare(points: &[G1Affine], out: &mut [Point]) {
    require();
    assert_eq!(points.len(), out.len());
    // SAFETY: the instructions are available.
    unsafe { points::prepare(points, out) }
}

/// `out[pair.to] = points[pair.left] + points[pair.right]`.
pub(super) fn add_pairs(points: &[Point], pairs: &[Pair], out: &mut [Point], scratch: &mut Scratch) {
    require();
    // SAFETY: the instructions are available.
    unsafe { points::add_pairs(points, pairs, out, scratch) }
}

/// `sum_i += factor * values_i`.
pub(super) fn add_scaled(sum: &mut [Fr], values: &[Fr], factor: Fr) {
    require();
    let length = sum.len().min(values.len());
    let (sum, values) = (words::slice_mut(&mut sum[..length]), words::slice(&values[..length]));
    sum.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK)).for_each(|(sum, values)| {
        // SAFETY: the instructions are available.
        unsafe { slices::add_scaled(sum, values, factor) }
    });
}

/// [`super::add_combinations`] for at most [`TERMS`] terms as long as the slices `outs`.
pub(super) fn add_combinations<O: AsMut<[Fr]>>(outs: &mut [O], terms: &[super::Term<'_>]) {
    require();
    let mut outs: Vec<&mut [Fr]> = outs.iter_mut().map(AsMut::as_mut).collect();
    let length = outs.first().map_or(0, |out| out.len());
    assert!(terms.len() <= TERMS && outs.iter().all(|out| out.len() == length));
    assert!(terms.iter().all(|(values, _)| values.len() == length));
    let values: Vec<&[[u64; 4]]> = terms.iter().map(|(values, _)| words::slice(values)).collect();
    let mut factors: Vec<Vec<(usize, [u64; 5])>> = vec![Vec::new(); outs.len()];
    for (term, (_, of_term)) in terms.iter().enumerate() {
        of_term.iter().for_each(|(out, factor)| factors[*out].push((term, transform::factor(*factor))));
    }
    let mut blocks: Vec<Vec<&mut [[u64; 4]]>> = (0..length.div_ceil(BLOCK)).map(|_| Vec::new()).collect();
    for out in &mut outs {
        for (block, part) in blocks.iter_mut().zip(words::slice_mut(out).chunks_mut(BLOCK)) {
            block.push(part);
        }
    }
    blocks.into_par_iter().enumerate().for_each(|(index, mut outs)| {
        // SAFETY: the instructions are available.
        unsafe { slices::add_combinations(&mut outs, &values, &factors, index * BLOCK) }
    });
}

/// `values_i *= first * step^i`.
pub(super) fn scale_by_powers(values: &mut [Fr], first: Fr, step: Fr) {
    require();
    words::slice_mut(values).par_chunks_mut(CHUNK).enumerate().for_each(|(index, values)| {
        let first = first * halo2_proofs::arithmetic::Field::pow_vartime(&step, [(index * CHUNK) as u64]);
        // SAFETY: the instructions are available.
        unsafe { slices::scale_by_powers(values, first, step) }
    });
}

/// [`super::add_quotients`] for at most eight polynomials.
pub(super) fn add_quotients(sum: &mut [Fr], polynomials: &[Vec<Fr>], points: &[Fr], carry: &mut [Fr]) {
    require();
    assert!(sum.len().is_multiple_of(8) && polynomials.iter().all(|polynomial| polynomial.len() == sum.len()));
    assert!(polynomials.len() <= 8 && polynomials.len() == points.len() && carry.len() == points.len());
    let zero = vec![Fr::zero(); if polynomials.len() < 8 { sum.len() } else { 0 }];
    let polynomial = |lane: usize| words::slice(polynomials.get(lane).unwrap_or(&zero));
    let point = |lane: usize| points.get(lane).copied().unwrap_or(Fr::zero());
    let mut lanes = [Fr::zero(); 8];
    lanes[..carry.len()].copy_from_slice(carry);
    let mut words = lanes.map(words::to_words);
    // SAFETY: the instructions are available.
    unsafe {
        let (polynomials, points) = (std::array::from_fn(polynomial), std::array::from_fn(point));
        slices::add_quotients(words::slice_mut(sum), polynomials, points, &mut words);
    }
    carry.iter_mut().zip(words).for_each(|(carry, words)| *carry = words::from_words(words));
}

/// Value of a polynomial at a point.
pub(super) fn evaluate(coefficients: &[Fr], point: Fr) -> Fr {
    require();
    // SAFETY: the instructions are available.
    unsafe { slices::evaluate(words::slice(coefficients), point) }
}

/// A transform of `values`: `out_j = scale sum_i shift^i values_i root^(i j)`.
///
/// `by_rows` is for transforms of `rows` elements, `by_columns` for `columns`, both multiples of eight; `rows * columns` is the length.
pub(super) fn transform(values: &mut [Fr], twiddles: [&Twiddles; 2], roots: [Fr; 3]) {
    require();
    let [by_rows, by_columns] = twiddles;
    let [root, shift, scale] = roots;
    let matrix = Matrix { rows: by_rows.size(), columns: by_columns.size() };
    assert!(matrix.rows.is_multiple_of(8) && matrix.columns.is_multiple_of(8));
    assert_eq!(values.len(), matrix.rows * matrix.columns);
    let words = words::slice_mut(values);
    let shared = Shared::new(words);
    let roots = Roots::new(matrix, root, shift, scale);
    (0..matrix.columns / 8).into_par_iter().for_each(|task| {
        // SAFETY: the instructions are available; each task has its own eight columns, and `words` is not used meanwhile.
        unsafe { transform::columns(shared, matrix, 8 * task, by_rows, &roots) }
    });
    let mut out = vec![[0u64; 4]; words.len()];
    let shared = Shared::new(&mut out);
    (0..matrix.rows / 8).into_par_iter().for_each(|task| {
        // SAFETY: the instructions are available; each task has its own eight rows and their places of `out`.
        unsafe { transform::rows(words, shared, matrix, 8 * task, by_columns) }
    });
    words.par_chunks_mut(CHUNK).zip(out.par_chunks(CHUNK)).for_each(|(to, from)| to.copy_from_slice(from));
}

/// [`super::rows::run_all`].
pub(super) fn run_rows(steps: Steps<'_>, scalars: &[Fr], columns: &[&[Fr]], out: &mut [Fr]) {
    require();
    let lowered = rows::lower(&steps);
    let scalars: Vec<[u64; 5]> = scalars.iter().map(rows::scalar).collect();
    let columns: Vec<&[[u64; 4]]> = columns.iter().map(|column| words::slice(column)).collect();
    let run = |first: usize, out: &mut [[u64; 4]]| {
        // SAFETY: the instructions are available.
        unsafe { rows::run(&lowered, steps.registers, steps.output, &scalars, &columns, first, out) }
    };
    let whole = out.len() / rows::BLOCK * rows::BLOCK;
    let (blocks, rest) = words::slice_mut(out).split_at_mut(whole);
    blocks.par_chunks_mut(CHUNK).enumerate().for_each(|(index, out)| run(index * CHUNK, out));
    if !rest.is_empty() {
        let mut block = [[0u64; 4]; rows::BLOCK];
        run(whole, &mut block);
        rest.copy_from_slice(&block[..rest.len()]);
    }
}
