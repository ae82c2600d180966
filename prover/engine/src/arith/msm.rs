//! Multi-exponentiations with buckets whose points are added in pairs.
//!
//! A scalar is cut into signed digits of `c` bits. For each digit's place (a window), the points of one digit are summed up
//! in that digit's bucket, and the window's sum is `sum digit * bucket`. Within a window, all buckets halve their
//! points at once: the pairs of all buckets are affine additions that share inversions, and independent of one
//! another.
//!
//! # Shapes
//! Digits are in `-2^(c-1) .. 2^(c-1)`: adding `2^(c-1)` at every place but the last before cutting takes away the carry from
//! digit to digit. The last place needs no sign, since a window more is taken where its digit could be larger.
//!
//! # Source
//! Buckets: Pippenger 1976; sums of pairs instead of running sums: as in gnark-crypto's and Aztec's batched affine additions.

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::ff::PrimeField;
use halo2_proofs::halo2curves::group::Group;
use rayon::prelude::*;

use super::vector::points::{Pair, Point, Scratch, NEGATIVE};
use super::vector::{add_pairs, prepare};

/// Costs in nanoseconds of one thread, to choose the width of a window.
const ADDITION: usize = 22;
const BUCKET: usize = 50;

/// `sum scalars_i bases_i`.
pub(super) fn full(scalars: &[Fr], bases: &[G1Affine]) -> G1 {
    let windows = Windows::new(Fr::NUM_BITS, scalars.len());
    let offset = windows.offset();
    let words: Vec<[u64; 4]> =
        scalars.par_iter().with_min_len(1 << 10).map(|scalar| sum(canonical(scalar), offset)).collect();
    windows.sum(bases, |window, i| windows.digit(&words[i], window))
}

/// `sum values_i bases_i`.
pub(super) fn small(values: &[i64], bases: &[G1Affine]) -> G1 {
    let largest = values.par_iter().with_min_len(1 << 12).map(|value| value.unsigned_abs()).max().unwrap_or(0);
    let windows = Windows::new(u64::BITS - largest.leading_zeros(), values.len());
    let offset = windows.offset();
    windows.sum(bases, |window, i| {
        let value = values[i];
        let digit = windows.digit(&sum([value.unsigned_abs(), 0, 0, 0], offset), window);
        if value < 0 {
            -digit
        } else {
            digit
        }
    })
}

fn canonical(scalar: &Fr) -> [u64; 4] {
    let repr = scalar.to_repr();
    std::array::from_fn(|i| repr[8 * i..8 * i + 8].iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)))
}

fn sum(a: [u64; 4], b: [u64; 4]) -> [u64; 4] {
    let mut carry = 0;
    std::array::from_fn(|i| {
        let total = u128::from(a[i]) + u128::from(b[i]) + carry;
        carry = total >> 64;
        total as u64
    })
}

/// How scalars are cut.
#[derive(Clone, Copy, Debug)]
struct Windows {
    width: u32,
    count: u32,
}

impl Windows {
    /// The cheapest width for this many scalars of so many bits.
    fn new(bits: u32, scalars: usize) -> Self {
        let of_width = |width: u32| Windows { width, count: (bits + 1).div_ceil(width).max(1) };
        let cost = |w: &Windows| w.count as usize * (scalars * ADDITION + (1 << (w.width - 1)) * BUCKET);
        // invariant: the range is not empty.
        (4..=18).map(of_width).min_by_key(cost).unwrap_or(of_width(4))
    }

    /// `2^(width-1)` at every place but the last.
    fn offset(&self) -> [u64; 4] {
        let mut out = [0u64; 4];
        for window in 0..self.count - 1 {
            let bit = window * self.width + self.width - 1;
            out[(bit / 64) as usize] |= 1 << (bit % 64);
        }
        out
    }

    /// The digit of a scalar to which [`Windows::offset`] was added.
    fn digit(&self, scalar: &[u64; 4], window: u32) -> i32 {
        let bit = window * self.width;
        let (word, shift) = ((bit / 64) as usize, bit % 64);
        let mut bits = scalar.get(word).map_or(0, |low| low >> shift);
        if shift + self.width > 64 {
            bits |= scalar.get(word + 1).map_or(0, |high| high << (64 - shift));
        }
        let digit = (bits & ((1 << self.width) - 1)) as i32;
        match window + 1 == self.count {
            true => digit,
            false => digit - (1 << (self.width - 1)),
        }
    }

    fn sum(&self, bases: &[G1Affine], digit: impl Fn(u32, usize) -> i32 + Sync) -> G1 {
        const CHUNK: usize = 1 << 10;
        let mut points = vec![Point::IDENTITY; bases.len()];
        points.par_chunks_mut(CHUNK).zip(bases.par_chunks(CHUNK)).for_each(|(points, bases)| prepare(bases, points));
        // Few windows leave threads without work: then each is cut into ranges of points.
        let threads = rayon::current_num_threads();
        let parts = threads.div_ceil(self.count as usize).min(bases.len().div_ceil(CHUNK)).max(1);
        let length = bases.len().div_ceil(parts).max(1);
        let tasks: Vec<(u32, usize)> = (0..self.count)
            .flat_map(|window| (0..bases.len()).step_by(length).map(move |start| (window, start)))
            .collect();
        let sums: Vec<(u32, G1)> = tasks
            .into_par_iter()
            .map(|(window, start)| {
                let range = start..(start + length).min(points.len());
                (window, self.window(&points[range.clone()], |i| digit(window, range.start + i)))
            })
            .collect();
        (0..self.count).rev().fold(G1::identity(), |total, window| {
            let total = (0..self.width).fold(total, |total, _| total.double());
            sums.iter().filter(|(of, _)| *of == window).fold(total, |total, (_, sum)| total + sum)
        })
    }

    /// `sum digit(i) points_i`.
    fn window(&self, points: &[Point], digit: impl Fn(usize) -> i32) -> G1 {
        let mut buckets = Buckets::sorted(1 << (self.width - 1), points.len(), digit);
        let mut scratch = Scratch::default();
        let mut sums = buckets.halve_indices(points, &mut scratch);
        while buckets.largest() > 1 {
            sums = buckets.halve(&sums, &mut scratch);
        }
        let mut table = vec![Point::IDENTITY; 1 << (self.width - 1)];
        for (bucket, point) in table.iter_mut().enumerate() {
            if let Some(at) = buckets.range(bucket).next() {
                *point = sums[at];
            }
        }
        weighted_sum(table, &mut scratch)
    }
}

/// `sum (i + 1) points_i` for `2^m` points.
///
/// Adding neighbours halves the points: `sum i p_i = 2 sum j (p_2j + p_(2j+1)) + sum p_(2j+1)`. The odd points of every halving make a
/// list of their own, whose sum counts `2^halving` times; a list has as many points as the halved ones, so all become single
/// points together, and each halving is one call of [`add_pairs`].
fn weighted_sum(mut points: Vec<Point>, scratch: &mut Scratch) -> G1 {
    let mut lists = 0;
    let mut length = points.len();
    while length > 1 {
        // The halved points, then the lists, the latest first; all of one length after this halving.
        let half = length / 2;
        let pair = |(to, at): (usize, usize)| Pair { left: at as u32, right: at as u32 + 1, to: to as u32 };
        let halved = (0..half).map(|j| (j, 2 * j));
        let older = (0..lists * half).map(|j| (2 * half + j, length + 2 * j));
        let pairs: Vec<Pair> = halved.chain(older).map(pair).collect();
        let mut next = vec![Point::IDENTITY; (lists + 2) * half];
        add_pairs(&points, &pairs, &mut next, scratch);
        for j in 0..half {
            next[half + j] = points[2 * j + 1];
        }
        (points, length, lists) = (next, half, lists + 1);
    }
    let all = points.first().map_or(G1::identity(), |point| G1::from(point.affine()));
    points.iter().skip(1).fold(G1::identity(), |sum, list| sum.double() + list.affine()) + all
}

/// Entries sorted by bucket.
struct Buckets {
    /// Where each bucket starts; one more at the end.
    starts: Vec<u32>,
    /// Indices of points with [`NEGATIVE`], bucket after bucket.
    entries: Vec<u32>,
}

impl Buckets {
    fn sorted(buckets: usize, points: usize, digit: impl Fn(usize) -> i32) -> Self {
        let digits: Vec<i32> = (0..points).map(digit).collect();
        let mut starts = vec![0u32; buckets + 1];
        for digit in digits.iter().filter(|digit| **digit != 0) {
            starts[digit.unsigned_abs() as usize] += 1;
        }
        for bucket in 0..buckets {
            starts[bucket + 1] += starts[bucket];
        }
        let mut next = starts.clone();
        let mut entries = vec![0; starts[buckets] as usize];
        for (i, digit) in digits.iter().enumerate().filter(|(_, digit)| **digit != 0) {
            let at = &mut next[digit.unsigned_abs() as usize - 1];
            entries[*at as usize] = i as u32 | if *digit < 0 { NEGATIVE } else { 0 };
            *at += 1;
        }
        Buckets { starts, entries }
    }

    fn range(&self, bucket: usize) -> std::ops::Range<usize> {
        self.starts[bucket] as usize..self.starts[bucket + 1] as usize
    }

    fn largest(&self) -> usize {
        (0..self.starts.len() - 1).map(|bucket| self.range(bucket).len()).max().unwrap_or(0)
    }

    /// Adds the points of each bucket in pairs; the first time, they are where the entries say.
    fn halve_indices(&mut self, points: &[Point], scratch: &mut Scratch) -> Vec<Point> {
        let entries = std::mem::take(&mut self.entries);
        self.pairs(points, |at| entries[at], scratch)
    }

    fn halve(&mut self, points: &[Point], scratch: &mut Scratch) -> Vec<Point> {
        self.pairs(points, |at| at as u32, scratch)
    }

    fn pairs(&mut self, points: &[Point], index: impl Fn(usize) -> u32, scratch: &mut Scratch) -> Vec<Point> {
        let mut pairs = Vec::with_capacity(self.starts.last().map_or(0, |end| *end as usize / 2));
        let mut alone = Vec::new();
        let mut starts = Vec::with_capacity(self.starts.len());
        let mut next = 0u32;
        for bucket in 0..self.starts.len() - 1 {
            starts.push(next);
            let range = self.range(bucket);
            for at in range.clone().step_by(2) {
                match at + 1 < range.end {
                    true => pairs.push(Pair { left: index(at), right: index(at + 1), to: next }),
                    false => alone.push((index(at), next)),
                }
                next += 1;
            }
        }
        starts.push(next);
        let mut out = vec![Point::IDENTITY; next as usize];
        add_pairs(points, &pairs, &mut out, scratch);
        for (from, to) in alone {
            out[to as usize] = Point::signed(points, from);
        }
        self.starts = starts;
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    // The one of the two ways that this machine has.
    use crate::arith::{msm, msm_small};
    use halo2_proofs::arithmetic::{best_multiexp, Field};
    use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;
    use halo2_proofs::halo2curves::group::Curve;
    use rand_core::OsRng;
    use zkpoc_circuits::field::signed;

    fn bases(n: usize) -> Vec<G1Affine> {
        let mut sum = G1::random(OsRng);
        let sums: Vec<G1> = (0..n)
            .map(|_| {
                // Not an arithmetic progression, whose sums of pairs would often be equal.
                sum = sum.double() + G1Affine::generator();
                sum
            })
            .collect();
        let mut out = vec![G1Affine::identity(); n];
        G1::batch_normalize(&sums, &mut out);
        out
    }

    #[test]
    fn full_scalars_agree_with_the_library() {
        for n in [0, 1, 7, 8, 9, 100, 1000, 5000] {
            let bases = bases(n);
            let mut scalars: Vec<Fr> = (0..n).map(|_| Fr::random(OsRng)).collect();
            scalars.iter_mut().zip([Fr::ZERO, Fr::ONE, -Fr::ONE]).for_each(|(scalar, edge)| *scalar = edge);
            assert_eq!(msm(&scalars, &bases), best_multiexp(&scalars, &bases), "n = {n}");
        }
    }

    #[test]
    fn points_that_repeat_cancel_or_are_the_identity_are_added_correctly() {
        let n = 600;
        let mut bases = bases(n);
        for i in 0..n / 2 {
            bases[2 * i] = bases[i % 3];
        }
        bases[10] = -bases[0];
        bases[12] = G1Affine::identity();
        for scalars in [vec![Fr::ONE; n], vec![-Fr::ONE; n], (0..n as u64).map(|i| Fr::from(i % 3)).collect()] {
            assert_eq!(msm(&scalars, &bases), best_multiexp(&scalars, &bases));
        }
    }

    #[test]
    fn integers_of_every_width_agree_with_the_library() {
        let n = 700;
        let bases = bases(n);
        for bits in [0, 1, 2, 8, 16, 31, 47, 62, 63] {
            let mut state = 1u64;
            let values: Vec<i64> = (0..n)
                .map(|i| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let value = if bits == 0 { 0 } else { (state >> (64 - bits)) as i64 };
                    if i % 2 == 0 {
                        value
                    } else {
                        -value
                    }
                })
                .collect();
            let scalars: Vec<Fr> = values.iter().map(|value| signed(i128::from(*value))).collect();
            assert_eq!(msm_small(&values, &bases), best_multiexp(&scalars, &bases), "{bits} bits");
        }
        let edges = [i64::MIN, i64::MAX, 0, -1];
        let scalars = edges.map(|value| signed(i128::from(value)));
        assert_eq!(msm_small(&edges, &bases[..4]), best_multiexp(&scalars, &bases[..4]));
    }
}
