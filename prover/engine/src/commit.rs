//! Commitments to columns.
//!
//! Most columns hold small integers, which cost a fraction of field elements: a column is committed
//! to as integers plus the few cells that are larger, such as its blinding rows.

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::ff::PrimeField;
use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;
use halo2_proofs::halo2curves::group::{Curve, Group};
use rayon::prelude::*;

use crate::arith;

/// Cells of a column that may be larger than its other integers.
const LARGE: usize = 64;

/// Most bits of a small integer.
const SMALL_BITS: u32 = 62;

/// The integer of least magnitude behind a field element, if it has at most [`SMALL_BITS`] bits.
fn small(value: &Fr) -> Option<i64> {
    let low = |value: &Fr| {
        let repr = value.to_repr();
        let mut low = [0u8; 8];
        low.copy_from_slice(&repr[..8]);
        let low = u64::from_le_bytes(low);
        (repr[8..].iter().all(|byte| *byte == 0) && low >> SMALL_BITS == 0).then_some(low as i64)
    };
    low(value).or_else(|| low(&-value).map(|magnitude| -magnitude))
}

/// Bits of an element's magnitude; [`SMALL_BITS`] + 1 if it is not small.
fn bits(value: &Fr) -> usize {
    small(value).map_or(SMALL_BITS + 1, |value| 64 - value.unsigned_abs().leading_zeros()) as usize
}

/// `sum cells_i bases_i`.
pub fn commit(cells: &[Fr], bases: &[G1Affine]) -> G1 {
    let counts = cells
        .par_chunks(1 << 12)
        .map(|chunk| {
            let mut counts = [0usize; SMALL_BITS as usize + 2];
            chunk.iter().for_each(|cell| counts[bits(cell)] += 1);
            counts
        })
        .reduce(
            || [0; SMALL_BITS as usize + 2],
            |mut a, b| {
                a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
                a
            },
        );
    // The fewest bits that leave at most LARGE cells out.
    let mut left = 0;
    let limit = (0..counts.len()).rev().find(|bits| {
        left += counts[*bits];
        left > LARGE
    });
    let limit = limit.unwrap_or(0);
    if limit > SMALL_BITS as usize {
        return arith::msm(cells, bases);
    }
    let integers: Vec<i64> = cells
        .par_iter()
        .with_min_len(1 << 10)
        .map(|cell| {
            small(cell).filter(|value| 64 - value.unsigned_abs().leading_zeros() as usize <= limit).unwrap_or(0)
        })
        .collect();
    let (scalars, points): (Vec<Fr>, Vec<G1Affine>) = cells
        .par_iter()
        .with_min_len(1 << 10)
        .zip(bases)
        .filter(|(cell, _)| bits(cell) > limit)
        .map(|(cell, base)| (*cell, *base))
        .unzip();
    let large = if scalars.is_empty() { G1::identity() } else { arith::msm(&scalars, &points) };
    arith::msm_small(&integers, &bases[..cells.len()]) + large
}

/// [`commit`], so many cells at a time.
pub(super) fn commit_in(chunk: usize, cells: &[Fr], bases: &[G1Affine]) -> G1 {
    cells.chunks(chunk).zip(bases.chunks(chunk)).map(|(cells, bases)| commit(cells, bases)).sum()
}

/// [`arith::msm`], so many terms at a time.
pub(super) fn msm_in(chunk: usize, scalars: &[Fr], bases: &[G1Affine]) -> G1 {
    scalars.chunks(chunk).zip(bases.chunks(chunk)).map(|(scalars, bases)| arith::msm(scalars, bases)).sum()
}

/// Affine forms.
pub(super) fn normalize(points: &[G1]) -> Vec<G1Affine> {
    let mut out = vec![G1Affine::identity(); points.len()];
    G1::batch_normalize(points, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use halo2_proofs::arithmetic::Field;
    use rand_core::OsRng;

    #[test]
    fn it_is_the_sum_for_integers_large_cells_and_random_columns() {
        let n = 256;
        let bases: Vec<G1Affine> = normalize(&(0..n).map(|_| G1::random(OsRng)).collect::<Vec<_>>());
        let integers: Vec<Fr> =
            (0..n as u64).map(|i| if i % 3 == 0 { -Fr::from(i) } else { Fr::from(i << 20) }).collect();
        let mut mixed = integers.clone();
        (0..LARGE / 2).for_each(|row| mixed[n - 1 - row] = Fr::random(OsRng));
        mixed[0] = Fr::from(u64::MAX);
        let random: Vec<Fr> = (0..n).map(|_| Fr::random(OsRng)).collect();
        for column in [&integers, &mixed, &random, &vec![Fr::ZERO; n], &random[..10].to_vec()] {
            let expected: G1 = column.iter().zip(&bases).map(|(cell, base)| *base * cell).sum();
            assert_eq!(commit(column, &bases), expected);
        }
    }
}
