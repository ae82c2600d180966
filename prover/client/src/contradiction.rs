//! Where two next models of one step differ: what the router wants to see beside two proofs.
//!
//! # What is computed
//! For the columns `a` and `b` of two models, the first column and row with `a != b`, and the opening of the difference of their
//! commitments there: `[(p(tau) - v) / (tau - z)]_1` for the polynomial `p` with values `a - b`, `z` the row's root of unity,
//! `v = p(z)`.
//!
//! # Errors
//! [`DifferenceError`].
//!
//! # Source
//! Kate, Zaverucha, Goldberg, ASIACRYPT 2010.

use alloy::primitives::U256;
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use zkpoc_circuits::field::signed;
use zkpoc_circuits::grid::Grid;
use zkpoc_circuits::reference::Model;
use zkpoc_contracts::bindings::{Difference, G1Point};

use crate::chain::words::{point_to_words, scalar_to_word};
use zkpoc_circuits::ErrorKind;
use zkpoc_engine::arith::root_of_unity;
use zkpoc_prover::commit::open_column;
use zkpoc_prover::srs::Srs;

/// No difference to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DifferenceError {
    /// The two models are equal.
    #[error("the two next models are equal: there is no contradiction")]
    Equal,
    /// The SRS is of another size than the profile.
    #[error("the profile has 2^{expected} rows, the SRS 2^{found}")]
    Size {
        /// log2 of the profile's rows.
        expected: u32,
        /// log2 of the string's.
        found: u32,
    },
}

impl DifferenceError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }
}

/// The first cell in which the columns of two models differ, with the opening that shows it.
///
/// # Errors
/// [`DifferenceError`].
pub fn difference(srs: &Srs, grid: &Grid, one: &Model, other: &Model) -> Result<Difference, DifferenceError> {
    if srs.k() != grid.k {
        return Err(DifferenceError::Size { expected: grid.k, found: srs.k() });
    }
    let columns = grid.model_columns(one).into_iter().zip(grid.model_columns(other)).enumerate();
    for (column, (a, b)) in columns {
        let cells: Vec<Fr> = a.iter().zip(&b).map(|(a, b)| signed(i128::from(*a) - i128::from(*b))).collect();
        let Some(row) = cells.iter().position(|cell| *cell != Fr::ZERO) else { continue };
        let (z, value) = (root_of_unity(grid.k).pow([row as u64]), cells[row]);
        // invariant: the string has the grid's rows.
        let opening = open_column(srs, cells, z).unwrap_or_default();
        let [x, y] = point_to_words(&opening);
        return Ok(Difference {
            column: U256::from(column),
            row: scalar_to_word(&z),
            value: scalar_to_word(&value),
            opening: G1Point { x, y },
        });
    }
    Err(DifferenceError::Equal)
}
