//! Lengths and offsets in a proof, from its verifying key.
//!
//! A proof is the commitments to advice columns in the order of their phases, the random polynomial and the quotient's pieces; the
//! values at the queried points; the two points of the opening. Points and scalars as in [`crate::encoding`].

use halo2_proofs::halo2curves::bn256::G1Affine;
use halo2_proofs::plonk::VerifyingKey;

use crate::encoding::{POINT_BYTES, SCALAR_BYTES};

/// Bytes of every proof of `vk`, whatever arguments its circuit uses: a verifier refuses any other length before it looks further.
pub fn proof_len(vk: &VerifyingKey<G1Affine>) -> usize {
    let cs = vk.cs();
    let columns = cs.permutation().get_columns().len();
    let chunk = cs.degree().saturating_sub(2).max(1);
    let products = columns.div_ceil(chunk);
    let lookups = cs.lookups().len();
    let pieces = vk.get_domain().get_quotient_poly_degree();
    let points = cs.num_advice_columns() + products + 3 * lookups + 1 + pieces + 2;
    let product_evals = (3 * products).saturating_sub(1);
    let evals = cs.advice_queries().len() + cs.fixed_queries().len() + 1 + columns + product_evals + 5 * lookups;
    POINT_BYTES * points + SCALAR_BYTES * evals
}

/// Offset in a proof of an advice column's commitment: columns of the first phase come first.
pub fn advice_offset(vk: &VerifyingKey<G1Affine>, column: usize) -> Option<usize> {
    let phases = vk.cs().advice_column_phase();
    let phase = *phases.get(column)?;
    let earlier = phases.iter().enumerate();
    let earlier = earlier.filter(|(other, p)| **p < phase || (**p == phase && *other < column));
    Some(POINT_BYTES * earlier.count())
}
