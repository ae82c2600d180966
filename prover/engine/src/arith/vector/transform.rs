//! Transforms over the scalar field, eight columns or rows of a matrix at a time.
//!
//! # Shapes
//! A vector of `rows * columns` elements is a matrix, row after row. With `i = columns * a + b` and `j = rows * d + c`, the transform
//! `X_j = sum_i x_i w^(i j)` is: a transform of each column `b` of size `rows`, a product with `w^(b c)`, and a transform
//! of each row `c` of size `columns`, whose output `d` belongs at `rows * d + c`.
//!
//! Eight columns (or rows) are the lanes of a tile, which stays in the second-level cache for all its butterflies.
//!
//! # Source
//! Bailey, "FFTs in external or hierarchical memory" (J. Supercomputing 4, 1990); butterflies: Gentleman, Sande 1966.

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;

use super::lanes::{limbs, Lanes, ScalarField};
use super::words::{to_words, Words};

type L = Lanes<ScalarField>;

/// Powers of the root of a small transform, in the form that keeps the library's form of the other factor.
#[derive(Clone, Debug)]
pub(in crate::arith) struct Twiddles {
    size: usize,
    powers: Vec<[u64; 5]>,
}

/// A factor in the form that keeps the library's form of the other factor: times `2^4`.
pub(super) fn factor(value: Fr) -> [u64; 5] {
    limbs(to_words(value * Fr::from(16)))
}

impl Twiddles {
    /// For transforms of this size, a power of two, with this root of unity of that order.
    pub(in crate::arith) fn new(size: usize, root: Fr) -> Self {
        let powers = std::iter::successors(Some(Fr::ONE), |power| Some(*power * root));
        Twiddles { size, powers: powers.take(size / 2).map(factor).collect() }
    }

    /// Size of the transforms.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    fn bits(&self) -> u32 {
        self.size.trailing_zeros()
    }
}

/// In the tile, `out[reversed(j)] = sum in[i] root^(i j)`; elements below `2.1 p`.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
fn butterflies(tile: &mut [L], twiddles: &Twiddles) {
    let mut half = tile.len() / 2;
    let mut stride = 1;
    let mut stage = 0;
    while half > 0 {
        // Sums double their bound, from 2.1 p: two stages without a reduction lead to 8.4 p at most.
        let reduce = stage % 3 == 2 || half == 1;
        for block in tile.chunks_exact_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for (i, (low, high)) in low.iter_mut().zip(high).enumerate() {
                let (a, b) = (*low, *high);
                let sum = a.add(b);
                *low = if reduce { sum.reduced() } else { sum };
                let difference = a.sub::<9>(b);
                *high = match i {
                    0 => difference.reduced(),
                    _ => difference.mul(L::splat(&twiddles.powers[i * stride])),
                };
            }
        }
        half /= 2;
        stride *= 2;
        stage += 1;
    }
}

/// A slice that tasks write to at disjoint places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shared(*mut Words, usize);

// SAFETY: the pointer is used by `read` and `write` alone, whose callers keep the places of tasks apart.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    pub(super) fn new(values: &mut [Words]) -> Self {
        Shared(values.as_mut_ptr(), values.len())
    }

    /// # Safety
    /// No other task writes here meanwhile, and the slice is borrowed for as long.
    unsafe fn read(&self, at: usize) -> &Words {
        assert!(at < self.1);
        // SAFETY: in bounds; see the caller's duty.
        unsafe { &*self.0.add(at) }
    }

    /// # Safety
    /// No other task reads or writes here meanwhile.
    unsafe fn write(&self, at: usize, value: Words) {
        assert!(at < self.1);
        // SAFETY: in bounds; see the caller's duty.
        unsafe { *self.0.add(at) = value }
    }
}

/// The matrix of a transform.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matrix {
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// What the columns' transforms multiply with.
#[derive(Clone, Debug)]
pub(super) struct Roots {
    /// Root of the whole transform.
    pub(super) root: Fr,
    /// Element `i` of the input is multiplied with `shift^i` first.
    pub(super) shift: Fr,
    /// Everything is multiplied with this.
    pub(super) scale: Fr,
    /// `shift^(columns row)` for each row, as factors; empty for a shift of 1.
    row_shifts: Vec<[u64; 5]>,
}

impl Roots {
    pub(super) fn new(matrix: Matrix, root: Fr, shift: Fr, scale: Fr) -> Self {
        let step = shift.pow_vartime([matrix.columns as u64]);
        let shifts = std::iter::successors(Some(Fr::ONE), |power| Some(*power * step));
        let rows = if shift == Fr::ONE { 0 } else { matrix.rows };
        Roots { root, shift, scale, row_shifts: shifts.take(rows).map(factor).collect() }
    }
}

/// Transforms columns `first .. first + 8`, in place, and multiplies with the powers of the root.
///
/// # Safety
/// No other task uses these columns.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
pub(super) unsafe fn columns(values: Shared, matrix: Matrix, first: usize, twiddles: &Twiddles, roots: &Roots) {
    let Matrix { rows, columns } = matrix;
    let mut tile = vec![L::zero(); rows];
    for (row, tile) in tile.iter_mut().enumerate() {
        // SAFETY: these columns are this task's.
        *tile = L::load(std::array::from_fn(|lane| unsafe { values.read(row * columns + first + lane) }));
    }
    // An element is multiplied with shift^(columns row + first + lane); the part of its column commutes with the transform.
    for (tile, shift) in tile.iter_mut().zip(&roots.row_shifts) {
        *tile = tile.mul(L::splat(shift));
    }
    butterflies(&mut tile, twiddles);
    // root^(c (first + lane)) for c = fine + SPLIT coarse, from two short tables: a chain of products would wait for each.
    let column = |base: Fr| powers(base.pow_vartime([first as u64]), base);
    let split = 1usize << (twiddles.bits() / 2);
    let step = column(roots.root);
    let mut fine = Vec::with_capacity(split);
    let mut power = column(roots.shift).mul(L::splat(&factor(roots.scale)));
    for _ in 0..split {
        fine.push(power);
        power = power.mul(step);
    }
    let leap = column(roots.root.pow_vartime([split as u64]));
    let mut coarse = L::splat(&factor(Fr::ONE));
    for start in (0..rows).step_by(split) {
        for (c, fine) in (start..rows).zip(&fine) {
            let out = tile[reversed(c, twiddles.bits())].mul(fine.mul(coarse)).canonical_of_product().store();
            for (lane, out) in out.into_iter().enumerate() {
                // SAFETY: as above.
                unsafe { values.write(c * columns + first + lane, out) };
            }
        }
        coarse = coarse.mul(leap);
    }
}

/// Transforms rows `first .. first + 8` into `out`, where output `d` of row `c` is at `rows * d + c`.
///
/// # Safety
/// No other task writes these rows or their places of `out`.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
pub(super) unsafe fn rows(values: &[Words], out: Shared, matrix: Matrix, first: usize, twiddles: &Twiddles) {
    let Matrix { rows, columns } = matrix;
    let mut tile = vec![L::zero(); columns];
    for (column, tile) in tile.iter_mut().enumerate() {
        *tile = L::load(std::array::from_fn(|lane| &values[(first + lane) * columns + column]));
    }
    butterflies(&mut tile, twiddles);
    for d in 0..columns {
        let words = tile[reversed(d, twiddles.bits())].canonical().store();
        for (lane, words) in words.into_iter().enumerate() {
            // SAFETY: these places are this task's.
            unsafe { out.write(rows * d + first + lane, words) };
        }
    }
}

fn reversed(index: usize, bits: u32) -> usize {
    match bits {
        0 => 0,
        _ => index.reverse_bits() >> (usize::BITS - bits),
    }
}

/// `first step^lane`, as factors.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
fn powers(first: Fr, step: Fr) -> L {
    let mut power = first * Fr::from(16);
    let words: [Words; 8] = std::array::from_fn(|_| {
        let words = to_words(power);
        power *= step;
        words
    });
    L::load(std::array::from_fn(|lane| &words[lane]))
}
