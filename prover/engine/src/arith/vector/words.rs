//! Field elements and points of the library as words in memory.
//!
//! # Safety
//! `Fr` and `Fq` are structs of one field, `[u64; 4]`, and have its size and alignment (asserted below), so the field is at
//! offset zero and every bit pattern is a value. `G1Affine`'s coordinates are found by `offset_of!`. The words are the
//! element's Montgomery form, least significant first: [`check`] asserts it, once, before vector code is chosen.

use core::mem::{align_of, offset_of, size_of};
use halo2_proofs::halo2curves::bn256::{Fq, Fr, G1Affine};

/// An element's words.
pub(super) type Words = [u64; 4];

/// The library's fields.
pub(super) trait Element: Copy {}

impl Element for Fr {}
impl Element for Fq {}

const _: () = assert!(size_of::<Fr>() == size_of::<Words>() && align_of::<Fr>() == align_of::<Words>());
const _: () = assert!(size_of::<Fq>() == size_of::<Words>() && align_of::<Fq>() == align_of::<Words>());

/// Words of an element.
#[inline]
pub(super) fn to_words<F: Element>(element: F) -> Words {
    // SAFETY: see the module's argument; only `Fr` and `Fq` implement the trait.
    unsafe { core::mem::transmute_copy(&element) }
}

/// An element of words below its modulus.
#[inline]
pub(super) fn from_words<F: Element>(words: Words) -> F {
    // SAFETY: as above.
    unsafe { core::mem::transmute_copy(&words) }
}

/// Words of a slice.
#[inline]
pub(super) fn slice(elements: &[Fr]) -> &[Words] {
    // SAFETY: as above; the length and the lifetime are the slice's.
    unsafe { core::slice::from_raw_parts(elements.as_ptr().cast(), elements.len()) }
}

/// Words of a slice, to write; whoever writes keeps them below the modulus.
#[inline]
pub(super) fn slice_mut(elements: &mut [Fr]) -> &mut [Words] {
    // SAFETY: as above.
    unsafe { core::slice::from_raw_parts_mut(elements.as_mut_ptr().cast(), elements.len()) }
}

/// Words of a point's coordinates.
#[inline]
pub(super) fn affine_words(point: &G1Affine) -> (&Words, &Words) {
    let start: *const u8 = core::ptr::from_ref(point).cast();
    // SAFETY: the offsets are those of two fields of type `Fq` of the point.
    unsafe { (&*start.add(offset_of!(G1Affine, x)).cast(), &*start.add(offset_of!(G1Affine, y)).cast()) }
}

/// Whether the words are what the module says: `2^256` modulo `r` and modulo `q` for one.
pub(super) fn check() -> bool {
    let one = (to_words(Fr::one()), to_words(Fq::one()));
    one == (
        [0xac96_341c_4fff_fffb, 0x36fc_7695_9f60_cd29, 0x666e_a36f_7879_462e, 0x0e0a_77c1_9a07_df2f],
        [0xd35d_438d_c58f_0d9d, 0x0a78_eb28_f5c7_0b3d, 0x666e_a36f_7879_462c, 0x0e0a_77c1_9a07_df2f],
    )
}
