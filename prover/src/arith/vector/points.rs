//! Sums of points of BN254's G1, eight at a time.
//!
//! # Shapes
//! A [`Point`] is affine, with canonical coordinates in the Montgomery form of [`super::lanes`]; `(0, 0)` is the identity.
//!
//! # Source
//! Affine additions that share one inversion: Montgomery's trick (Mathematics of Computation 48, 1987).

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::{Fq, G1Affine, G1};
use halo2_proofs::halo2curves::ff::BatchInvert;
use halo2_proofs::halo2curves::group::Curve;

use super::lanes::{limbs, BaseField, Lanes, Mask, Modulus};
use super::words::{affine_words, from_words, to_words, Words};

/// A point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::arith) struct Point {
    x: Words,
    y: Words,
}

/// Set in an index of a [`Pair`]: take the negative of that point.
pub(in crate::arith) const NEGATIVE: u32 = 1 << 31;

/// Two points to add, and where the sum goes.
#[derive(Clone, Copy, Debug)]
pub(in crate::arith) struct Pair {
    /// Index of a point, with [`NEGATIVE`].
    pub(in crate::arith) left: u32,
    /// Index of a point, with [`NEGATIVE`].
    pub(in crate::arith) right: u32,
    /// Index of the sum.
    pub(in crate::arith) to: u32,
}

type L = Lanes<BaseField>;

/// Pairs that share an inversion: the two tables of 640 bytes for eight pairs stay in the second-level cache.
const BATCH: usize = 4096;

impl Point {
    /// The identity.
    pub(in crate::arith) const IDENTITY: Point = Point { x: [0; 4], y: [0; 4] };

    /// The point, or its negative.
    pub(in crate::arith) fn signed(points: &[Point], index: u32) -> Point {
        let point = points[(index & !NEGATIVE) as usize];
        match index & NEGATIVE != 0 && point != Self::IDENTITY {
            true => Point { x: point.x, y: subtract(BaseField::WORDS, point.y) },
            false => point,
        }
    }

    fn new(affine: &G1Affine) -> Self {
        let sixteen = Fq::from(16);
        Point { x: to_words(affine.x * sixteen), y: to_words(affine.y * sixteen) }
    }

    /// The point in the library's form.
    pub(in crate::arith) fn affine(&self) -> G1Affine {
        // invariant: 16 is not zero.
        let inverse = Fq::from(16).invert().unwrap_or(Fq::ZERO);
        G1Affine { x: from_words::<Fq>(self.x) * inverse, y: from_words::<Fq>(self.y) * inverse }
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
pub(super) fn prepare(points: &[G1Affine], out: &mut [Point]) {
    // 2^264 / p's remainder: a coordinate in the library's form times this is in ours.
    let factor = L::splat(&limbs(to_words(Fq::from(256))));
    for (points, out) in points.chunks(8).zip(out.chunks_mut(8)) {
        let at = |i: usize| affine_words(&points[i.min(points.len() - 1)]);
        let x = L::load(std::array::from_fn(|i| at(i).0)).mul(factor).canonical_of_product().store();
        let y = L::load(std::array::from_fn(|i| at(i).1)).mul(factor).canonical_of_product().store();
        for (i, out) in out.iter_mut().enumerate() {
            *out = Point { x: x[i], y: y[i] };
        }
    }
}

/// One in the form of the lanes.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
fn one() -> L {
    L::splat(&limbs(to_words(Fq::from(16))))
}

/// Scratch of [`add_pairs`].
#[derive(Default)]
pub(in crate::arith) struct Scratch {
    tables: Tables,
}

#[derive(Default)]
struct Tables(Vec<(L, L, Mask)>);

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scratch(..)")
    }
}

/// `out[pair.to] = points[pair.left] + points[pair.right]`.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
pub(super) fn add_pairs(points: &[Point], pairs: &[Pair], out: &mut [Point], scratch: &mut Scratch) {
    let table = &mut scratch.tables.0;
    for batch in pairs.chunks(BATCH) {
        table.clear();
        let mut product = one();
        for group in batch.chunks(8) {
            // Lanes beyond the end add a point to itself, which is marked and skipped.
            let at = |i: usize| if i < group.len() { (group[i].left, group[i].right) } else { (0, 0) };
            let (x1, zero1) = L::load_marking_zero(std::array::from_fn(|i| &points[(at(i).0 & !NEGATIVE) as usize].x));
            let (x2, zero2) = L::load_marking_zero(std::array::from_fn(|i| &points[(at(i).1 & !NEGATIVE) as usize].x));
            let special = zero1 | zero2 | x1.equal(x2);
            let difference = x2.sub::<1>(x1).select(special, one());
            table.push((product, difference, special));
            product = product.mul(difference);
        }
        let mut inverse = invert(product);
        for (group, (before, difference, special)) in batch.chunks(8).zip(table.iter()).rev() {
            let quotient = inverse.mul(*before);
            inverse = inverse.mul(*difference);
            let at = |i: usize| if i < group.len() { (group[i].left, group[i].right) } else { (0, 0) };
            let (x1, y1) = signed(points, std::array::from_fn(|i| at(i).0));
            let (x2, y2) = signed(points, std::array::from_fn(|i| at(i).1));
            let slope = y2.sub::<1>(y1).mul(quotient);
            let x3 = slope.mul(slope).sub::<1>(x1).sub::<1>(x2).canonical();
            let y3 = slope.mul(x1.sub::<1>(x3)).sub::<1>(y1).canonical();
            let (x3, y3) = (x3.store(), y3.store());
            for (i, pair) in group.iter().enumerate() {
                out[pair.to as usize] = match special >> i & 1 {
                    0 => Point { x: x3[i], y: y3[i] },
                    _ => add_special(points, pair),
                };
            }
        }
    }
}

/// Sums in which a side is the identity, or both have one x.
#[cold]
fn add_special(points: &[Point], pair: &Pair) -> Point {
    match [pair.left, pair.right].map(|index| Point::signed(points, index)) {
        [Point::IDENTITY, other] | [other, Point::IDENTITY] => other,
        [left, right] => Point::new(&(G1::from(left.affine()) + right.affine()).to_affine()),
    }
}

/// `a - b` for `a >= b`.
fn subtract(a: Words, b: Words) -> Words {
    let mut borrow = false;
    std::array::from_fn(|i| {
        let (once, first) = a[i].overflowing_sub(b[i]);
        let (twice, second) = once.overflowing_sub(u64::from(borrow));
        borrow = first | second;
        twice
    })
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
fn signed(points: &[Point], indices: [u32; 8]) -> (L, L) {
    let at = |i: usize| &points[(indices[i] & !NEGATIVE) as usize];
    let x = L::load(std::array::from_fn(|i| &at(i).x));
    let y = L::load(std::array::from_fn(|i| &at(i).y));
    let mask = indices.iter().rev().fold(0, |mask: Mask, index| mask << 1 | (index >> 31) as u8);
    (x, y.select(mask, L::zero().sub::<1>(y)))
}

/// Inverses of eight elements that are not zero.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
fn invert(product: L) -> L {
    let mut values = product.canonical().store().map(from_words::<Fq>);
    values.iter_mut().batch_invert();
    // A word form read as the library's stands for 16 times the element: its inverse lacks 2^4, and our form another 2^4.
    let words = values.map(|value| to_words(value * Fq::from(256)));
    L::load(std::array::from_fn(|i| &words[i]))
}
