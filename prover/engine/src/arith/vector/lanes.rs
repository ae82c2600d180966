//! Eight elements of a prime field side by side, in registers of AVX-512.
//!
//! # Shapes
//! An element is five limbs of 52 bits in Montgomery form with `R = 2^260`; a value is kept below a small
//! multiple of the modulus `p`, named in each function. All limbs are below `2^52` between functions.
//! Memory holds elements as four words of 64 bits, least significant first.
//!
//! A field element of the library is in Montgomery form with `2^256`. A product of such a word form with a
//! factor prepared by [`factor`] is in that form again, so slices need no conversion.
//!
//! # Bounds
//! `p < 2^254 < 2^260 / 84`. A product of a value below `a p` and one below `b p` is below `(a b / 84 + 1) p`
//! (Montgomery 1985), so operands may be sums that were never reduced, as long as each is below `84 p`.
//!
//! # Source
//! Multiplication by 52-bit fused multiply-add: Gueron, Krasnov, "Accelerating big integer arithmetic using
//! Intel IFMA extensions" (ARITH 2016).

// Limbs of several values are indexed together.
#![allow(clippy::needless_range_loop)]

use core::arch::x86_64::*;
use core::marker::PhantomData;

/// A modulus below `2^254`.
pub(super) trait Modulus: Copy {
    /// Four words, least significant first.
    const WORDS: [u64; 4];
    /// Limbs of the modulus.
    const P: [u64; 5] = limbs(Self::WORDS);
    /// `-1/p` modulo `2^52`.
    const NEG_INVERSE: u64 = neg_inverse(Self::WORDS[0]);
    /// `2^52 / (top limb + 1)`: estimates how often `p` is contained.
    const ESTIMATE: u64 = (1 << 52) / (Self::P[4] + 1);
}

/// The scalar field of BN254.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScalarField;

impl Modulus for ScalarField {
    const WORDS: [u64; 4] =
        [0x43e1_f593_f000_0001, 0x2833_e848_79b9_7091, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029];
}

/// The base field of BN254.
#[derive(Clone, Copy, Debug)]
pub(super) struct BaseField;

impl Modulus for BaseField {
    const WORDS: [u64; 4] =
        [0x3c20_8c16_d87c_fd47, 0x9781_6a91_6871_ca8d, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029];
}

const LIMB: u32 = 52;
const MASK: u64 = (1 << LIMB) - 1;

/// Words to limbs.
pub(super) const fn limbs(x: [u64; 4]) -> [u64; 5] {
    [
        x[0] & MASK,
        (x[0] >> 52 | x[1] << 12) & MASK,
        (x[1] >> 40 | x[2] << 24) & MASK,
        (x[2] >> 28 | x[3] << 36) & MASK,
        x[3] >> 16,
    ]
}

const fn neg_inverse(low: u64) -> u64 {
    // Newton's iteration doubles the correct bits: 1, 2, 4, .., 64.
    let mut inverse = 1u64;
    let mut step = 0;
    while step < 6 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(low.wrapping_mul(inverse)));
        step += 1;
    }
    inverse.wrapping_neg() & MASK
}

/// Eight elements.
#[derive(Clone, Copy)]
pub(super) struct Lanes<M>([__m512i; 5], PhantomData<M>);

/// Which of the eight.
pub(super) type Mask = u8;

impl<M: Modulus> Lanes<M> {
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    pub(super) fn splat(limbs: &[u64; 5]) -> Self {
        Lanes(
            [
                _mm512_set1_epi64(limbs[0] as i64),
                _mm512_set1_epi64(limbs[1] as i64),
                _mm512_set1_epi64(limbs[2] as i64),
                _mm512_set1_epi64(limbs[3] as i64),
                _mm512_set1_epi64(limbs[4] as i64),
            ],
            PhantomData,
        )
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    pub(super) fn zero() -> Self {
        Lanes([_mm512_setzero_si512(); 5], PhantomData)
    }

    /// Reads eight elements of four words each; the second value tells which are zero.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    pub(super) fn load(from: [&[u64; 4]; 8]) -> Self {
        Self::unpack(gather(from))
    }

    /// [`Lanes::load`], and which of the eight are zero.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    pub(super) fn load_marking_zero(from: [&[u64; 4]; 8]) -> (Self, Mask) {
        let words = gather(from);
        let any = _mm512_or_si512(_mm512_or_si512(words[0], words[1]), _mm512_or_si512(words[2], words[3]));
        (Self::unpack(words), _mm512_testn_epi64_mask(any, any))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    fn unpack([x0, x1, x2, x3]: [__m512i; 4]) -> Self {
        let mask = _mm512_set1_epi64(MASK as i64);
        Lanes(
            [
                _mm512_and_si512(x0, mask),
                _mm512_and_si512(_mm512_shrdi_epi64::<52>(x0, x1), mask),
                _mm512_and_si512(_mm512_shrdi_epi64::<40>(x1, x2), mask),
                _mm512_and_si512(_mm512_shrdi_epi64::<28>(x2, x3), mask),
                _mm512_srli_epi64::<16>(x3),
            ],
            PhantomData,
        )
    }

    /// Eight elements below `2^256` as words.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    pub(super) fn store(self) -> [[u64; 4]; 8] {
        let mut out = [[0u64; 4]; 8];
        self.store_to(out.each_mut());
        out
    }

    /// Writes eight elements below `2^256` to their places.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    pub(super) fn store_to(self, out: [&mut [u64; 4]; 8]) {
        let l = self.0;
        let x0 = _mm512_or_si512(l[0], _mm512_slli_epi64::<52>(l[1]));
        let x1 = _mm512_or_si512(_mm512_srli_epi64::<12>(l[1]), _mm512_slli_epi64::<40>(l[2]));
        let x2 = _mm512_or_si512(_mm512_srli_epi64::<24>(l[2]), _mm512_slli_epi64::<28>(l[3]));
        let x3 = _mm512_or_si512(_mm512_srli_epi64::<36>(l[3]), _mm512_slli_epi64::<16>(l[4]));
        let (a, b) = (_mm512_unpacklo_epi64(x0, x1), _mm512_unpackhi_epi64(x0, x1));
        let (c, d) = (_mm512_unpacklo_epi64(x2, x3), _mm512_unpackhi_epi64(x2, x3));
        // 128-bit quarters: a holds the low halves of elements 0 2 4 6, c their high halves; b and d of 1 3 5 7.
        let front = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
        let back = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
        let parts = [
            _mm512_permutex2var_epi64(a, front, c),
            _mm512_permutex2var_epi64(b, front, d),
            _mm512_permutex2var_epi64(a, back, c),
            _mm512_permutex2var_epi64(b, back, d),
        ];
        let [e0, e1, e2, e3, e4, e5, e6, e7] = out;
        for (part, low, high) in [(parts[0], e0, e2), (parts[1], e1, e3), (parts[2], e4, e6), (parts[3], e5, e7)] {
            // SAFETY: each destination is an array of 32 bytes.
            unsafe {
                _mm256_storeu_si256(low.as_mut_ptr().cast(), _mm512_castsi512_si256(part));
                _mm256_storeu_si256(high.as_mut_ptr().cast(), _mm512_extracti64x4_epi64::<1>(part));
            }
        }
    }

    /// `self * other / 2^260`; see the bounds above.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    pub(super) fn mul(self, other: Self) -> Self {
        let [product] = Self::mul_each([self], [other]);
        product
    }

    /// Several products at once: one product alone waits for its own intermediate results half of the time.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    pub(super) fn mul_each<const N: usize>(a: [Self; N], b: [Self; N]) -> [Self; N] {
        let zero = _mm512_setzero_si512();
        let p = Self::splat(&M::P).0;
        let n = _mm512_set1_epi64(M::NEG_INVERSE as i64);
        let mut t = [[zero; 5]; N];
        for i in 0..5 {
            let mut q = [zero; N];
            let mut top = [zero; N];
            for k in 0..N {
                let factor = a[k].0[i];
                for j in 0..5 {
                    t[k][j] = _mm512_madd52lo_epu64(t[k][j], factor, b[k].0[j]);
                }
                q[k] = _mm512_madd52lo_epu64(zero, t[k][0], n);
                for j in 0..4 {
                    t[k][j + 1] = _mm512_madd52hi_epu64(t[k][j + 1], factor, b[k].0[j]);
                }
                top[k] = _mm512_madd52hi_epu64(zero, factor, b[k].0[4]);
            }
            for k in 0..N {
                for j in 0..5 {
                    t[k][j] = _mm512_madd52lo_epu64(t[k][j], q[k], p[j]);
                }
                // The lowest limb is zero now but for its carry; everything moves down by one limb.
                let next = _mm512_add_epi64(t[k][1], _mm512_srli_epi64::<LIMB>(t[k][0]));
                t[k] = [
                    _mm512_madd52hi_epu64(next, q[k], p[0]),
                    _mm512_madd52hi_epu64(t[k][2], q[k], p[1]),
                    _mm512_madd52hi_epu64(t[k][3], q[k], p[2]),
                    _mm512_madd52hi_epu64(t[k][4], q[k], p[3]),
                    _mm512_madd52hi_epu64(top[k], q[k], p[4]),
                ];
            }
        }
        let mut out = a;
        for k in 0..N {
            out[k] = Self::carried(t[k]);
        }
        out
    }

    /// Limbs of any sign, below `2^62`, of a value that is not negative.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    fn carried(mut t: [__m512i; 5]) -> Self {
        let mask = _mm512_set1_epi64(MASK as i64);
        for i in 0..4 {
            t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srai_epi64::<LIMB>(t[i]));
            t[i] = _mm512_and_si512(t[i], mask);
        }
        Lanes(t, PhantomData)
    }

    /// The sum; the bounds add up.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    pub(super) fn add(self, other: Self) -> Self {
        let mut t = self.0;
        for (t, other) in t.iter_mut().zip(other.0) {
            *t = _mm512_add_epi64(*t, other);
        }
        Self::carried(t)
    }

    /// `self - other + K p`, for `other <= K p`; the bound is that of `self` plus `K p`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    pub(super) fn sub<const K: u64>(self, other: Self) -> Self {
        let mut t = self.0;
        for (i, (t, other)) in t.iter_mut().zip(other.0).enumerate() {
            *t = _mm512_add_epi64(_mm512_sub_epi64(*t, other), _mm512_set1_epi64((K * M::P[i]) as i64));
        }
        Self::carried(t)
    }

    /// `self - other + multiple`, for a `multiple` of `p` that is at least `other`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    pub(super) fn sub_from(self, multiple: Self, other: Self) -> Self {
        let mut t = self.0;
        for i in 0..5 {
            t[i] = _mm512_add_epi64(_mm512_sub_epi64(t[i], other.0[i]), multiple.0[i]);
        }
        Self::carried(t)
    }

    /// The same element below `2.1 p`, of a value below `84 p`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    pub(super) fn reduced(self) -> Self {
        let zero = _mm512_setzero_si512();
        let p = Self::splat(&M::P).0;
        // At most the true quotient, and less than it by less than 1 + 2^-6 for each of `84 p`'s 84.
        let q = _mm512_madd52hi_epu64(zero, self.0[4], _mm512_set1_epi64(M::ESTIMATE as i64));
        let mut t = self.0;
        for i in 0..5 {
            t[i] = _mm512_sub_epi64(t[i], _mm512_madd52lo_epu64(zero, q, p[i]));
            if i < 4 {
                t[i + 1] = _mm512_sub_epi64(t[i + 1], _mm512_madd52hi_epu64(zero, q, p[i]));
            }
        }
        Self::carried(t)
    }

    /// `self - p` where that is not negative.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    fn less_once(self) -> Self {
        let mut t = self.0;
        for (i, t) in t.iter_mut().enumerate() {
            *t = _mm512_sub_epi64(*t, _mm512_set1_epi64(M::P[i] as i64));
        }
        let less = Self::carried(t);
        let negative = _mm512_movepi64_mask(less.0[4]);
        less.select(negative, self)
    }

    /// The representative below `p`, of a value below `84 p`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    pub(super) fn canonical(self) -> Self {
        self.reduced().less_once().less_once()
    }

    /// The representative below `p`, of a value below `2 p`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    pub(super) fn canonical_of_product(self) -> Self {
        self.less_once()
    }

    /// `other` where the mask is set.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    pub(super) fn select(self, mask: Mask, other: Self) -> Self {
        let mut t = self.0;
        for (t, other) in t.iter_mut().zip(other.0) {
            *t = _mm512_mask_mov_epi64(*t, mask, other);
        }
        Lanes(t, PhantomData)
    }

    /// Element `r` is the sum of the eight elements of `rows[r]`, each below `10 p`; below `2.1 p`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    pub(super) fn sums(rows: &[Self; 8]) -> Self {
        let mut out = [_mm512_setzero_si512(); 5];
        for (limb, out) in out.iter_mut().enumerate() {
            // Pairs of rows side by side, then two quarters of each row added, then the halves.
            let pair = |a: usize, b: usize| {
                let (a, b) = (rows[a].0[limb], rows[b].0[limb]);
                _mm512_add_epi64(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b))
            };
            let quarters =
                |a, b| _mm512_add_epi64(_mm512_shuffle_i64x2::<0x88>(a, b), _mm512_shuffle_i64x2::<0xdd>(a, b));
            *out = quarters(quarters(pair(0, 1), pair(2, 3)), quarters(pair(4, 5), pair(6, 7)));
        }
        Self::carried(out).reduced()
    }

    /// Which elements are equal; both sides are below `p`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
    pub(super) fn equal(self, other: Self) -> Mask {
        let mut mask = 0xff;
        for (a, b) in self.0.into_iter().zip(other.0) {
            mask &= _mm512_cmpeq_epi64_mask(a, b);
        }
        mask
    }
}

/// Four registers, each with one word of eight elements.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
fn gather(from: [&[u64; 4]; 8]) -> [__m512i; 4] {
    let pair = |i: usize, j: usize| {
        // SAFETY: each reference is to an array of 32 bytes.
        unsafe {
            let low = _mm256_loadu_si256(from[i].as_ptr().cast());
            let high = _mm256_loadu_si256(from[j].as_ptr().cast());
            _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
        }
    };
    let (a, b, c, d) = (pair(0, 2), pair(1, 3), pair(4, 6), pair(5, 7));
    let (low, high) = (_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    let (low2, high2) = (_mm512_unpacklo_epi64(c, d), _mm512_unpackhi_epi64(c, d));
    [
        _mm512_shuffle_i64x2::<0x88>(low, low2),
        _mm512_shuffle_i64x2::<0x88>(high, high2),
        _mm512_shuffle_i64x2::<0xdd>(low, low2),
        _mm512_shuffle_i64x2::<0xdd>(high, high2),
    ]
}
