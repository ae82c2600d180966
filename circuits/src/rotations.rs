//! Rotations at which gates read a column: no two of them may be the same row.
//!
//! A rotation is a number of rows modulo `2^k`. Two that meet are one point of the column's polynomial, opened twice: the
//! proving system refuses to make or to verify such a proof, and a verifier that did not would take two values for one cell.
//!
//! # Errors
//! [`LayoutError::Rotations`].
//!
//! # Source
//! Own; the bug class is the query collision of halo2's multi-point opening (zkSecurity, 2025).

use crate::grid::LayoutError;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;
use std::collections::HashMap;

/// Checks all advice columns of a circuit of `2^k` rows.
pub(crate) fn check(cs: &ConstraintSystem<Fr>, k: u32) -> Result<(), LayoutError> {
    let mut seen = HashMap::new();
    for (column, rotation) in cs.advice_queries() {
        let row = i64::from(rotation.0).rem_euclid(1 << k);
        if let Some(other) = seen.insert((column.index(), row), rotation.0) {
            let rotations = (other.min(rotation.0), other.max(rotation.0));
            return Err(LayoutError::Rotations { rotations, k });
        }
    }
    Ok(())
}
