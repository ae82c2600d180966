//! Sums of points of BN254's G1, eight at a time.
//!
//! # Shapes
//! A [`Point`] is affine, with canonical coordinates in the Montgomery form of [`super::lanes`]; `(0, 0)` is the identity.
//!
//! # Source
//! Affine additions that share one inversion: Montgomery's trick (Mathematics of Computation 48, 1987).

use std::sync::OnceLock;

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
        static INVERSE: OnceLock<Fq> = OnceLock::new();
        // invariant: 16 is not zero.
        let inverse = *INVERSE.get_or_init(|| Fq::from(16).invert().unwrap_or(Fq::ZERO));
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
pub(in crate::arith) struct Scratch(Vec<Step>);

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scratch(..)")
    }
}

/// Groups of eight pairs that are worked on together.
const GROUPS: usize = 2;

/// What the way back needs of [`GROUPS`] groups: the products of the differences before them, the differences, and which pairs are special.
struct Step {
    before: [L; GROUPS],
    difference: [L; GROUPS],
    special: [Mask; GROUPS],
}

/// `out[pair.to] = points[pair.left] + points[pair.right]`.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
pub(super) fn add_pairs(points: &[Point], pairs: &[Pair], out: &mut [Point], scratch: &mut Scratch) {
    let steps = &mut scratch.0;
    for batch in pairs.chunks(BATCH) {
        steps.clear();
        let mut product = [one(); GROUPS];
        for pairs in batch.chunks(8 * GROUPS) {
            let mut difference = [one(); GROUPS];
            let mut special = [0; GROUPS];
            for group in 0..GROUPS {
                let (left, right) = indices(pairs, group);
                let (x1, zero1) = L::load_marking_zero(left.map(|i| &points[(i & !NEGATIVE) as usize].x));
                let (x2, zero2) = L::load_marking_zero(right.map(|i| &points[(i & !NEGATIVE) as usize].x));
                special[group] = zero1 | zero2 | x1.equal(x2);
                difference[group] = x2.sub::<1>(x1).select(special[group], one());
            }
            steps.push(Step { before: product, difference, special });
            product = L::mul_each(product, difference);
        }
        let mut inverse = invert(product);
        for (pairs, step) in batch.chunks(8 * GROUPS).zip(steps.iter()).rev() {
            let quotient = L::mul_each(inverse, step.before);
            inverse = L::mul_each(inverse, step.difference);
            let [mut x1, mut y1, mut x2, mut dy] = [[one(); GROUPS]; 4];
            for group in 0..GROUPS {
                let (left, right) = indices(pairs, group);
                (x1[group], y1[group]) = signed(points, left);
                let y2;
                (x2[group], y2) = signed(points, right);
                dy[group] = y2.sub::<1>(y1[group]);
            }
            let slope = L::mul_each(dy, quotient);
            let mut x3 = L::mul_each(slope, slope);
            let mut dx = x3;
            for group in 0..GROUPS {
                x3[group] = x3[group].sub::<1>(x1[group]).sub::<1>(x2[group]).canonical();
                dx[group] = x1[group].sub::<1>(x3[group]);
            }
            let y3 = L::mul_each(slope, dx);
            for (group, pairs) in pairs.chunks(8).enumerate() {
                let y3 = y3[group].sub::<1>(y1[group]).canonical();
                match places(pairs, out) {
                    Some((x, y)) => {
                        x3[group].store_to(x);
                        y3.store_to(y);
                    }
                    None => {
                        let (x, y) = (x3[group].store(), y3.store());
                        for (i, pair) in pairs.iter().enumerate() {
                            out[pair.to as usize] = Point { x: x[i], y: y[i] };
                        }
                    }
                }
                for (_, pair) in pairs.iter().enumerate().filter(|(i, _)| step.special[group] >> i & 1 == 1) {
                    out[pair.to as usize] = add_special(points, pair);
                }
            }
        }
    }
}

/// Indices of a group's points. Lanes beyond the end add a point to itself, which is special, and skipped.
#[inline]
fn indices(pairs: &[Pair], group: usize) -> ([u32; 8], [u32; 8]) {
    let at = |i: usize| pairs.get(8 * group + i).map_or((0, 0), |pair| (pair.left, pair.right));
    (std::array::from_fn(|i| at(i).0), std::array::from_fn(|i| at(i).1))
}

/// The places of a whole group's sums, which ascend.
#[inline]
fn places<'a>(pairs: &[Pair], out: &'a mut [Point]) -> Option<([&'a mut Words; 8], [&'a mut Words; 8])> {
    let pairs: &[Pair; 8] = pairs.try_into().ok()?;
    let at = pairs.each_ref().map(|pair| pair.to as usize);
    let [e0, e1, e2, e3, e4, e5, e6, e7] = out.get_disjoint_mut(at).ok()?.map(|point| (&mut point.x, &mut point.y));
    Some(([e0.0, e1.0, e2.0, e3.0, e4.0, e5.0, e6.0, e7.0], [e0.1, e1.1, e2.1, e3.1, e4.1, e5.1, e6.1, e7.1]))
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
fn invert(products: [L; GROUPS]) -> [L; GROUPS] {
    let mut values = products.map(|product| product.canonical().store().map(from_words::<Fq>));
    values.as_flattened_mut().iter_mut().batch_invert();
    // A word form read as the library's stands for 16 times the element: its inverse lacks 2^4, and our form another 2^4.
    values.map(|values| {
        let words = values.map(|value| to_words(value * Fq::from(256)));
        L::load(std::array::from_fn(|i| &words[i]))
    })
}
