//! The blinding rows of the committed columns, chosen instead of drawn.
//!
//! A prover fills the last rows of each advice column. Those of the committed columns, which are
//! declared first, are chosen to the last cell, so that a commitment is known before and outside of
//! any proof; those of all other columns are random.
//!
//! # Shapes
//! A column has `blinding_factors + 1` blinding rows, the last rows of the column. Of a hiding
//! column the last [`LINK_ROWS`] are random and the others 0; those of a public column are all 1.
//!
//! # Soundness
//! Nothing depends on these rows: the verifier's equations hold or not whatever the blinding is.
//! Zero knowledge does: a hiding column's rows must be fresh, uniform and used in one proof.
//! `scripted/tests.rs` compares the points of Halo2's proofs with commitments to the chosen columns,
//! `engine/tests.rs` the engine's points with Halo2's.
//!
//! # Errors
//! [`ScriptError`] if there are fewer blinding rows than random ones.

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use rand_core::OsRng;
use zkpoc_circuits::ErrorKind;

pub use zkpoc_circuits::blinding::LINK_ROWS;

/// The random cells of a hiding column, rows `n-4` to `n-1`.
pub type Blinding = [Fr; LINK_ROWS];

/// Draws a fresh blinding.
pub fn random_blinding() -> Blinding {
    std::array::from_fn(|_| Fr::random(OsRng))
}

/// The blinding rows of one committed column.
#[derive(Clone, Copy)]
pub enum Tail {
    /// All 1: the commitment depends on the values alone.
    Public,
    /// 0, then these random values.
    Hiding(Blinding),
}

impl std::fmt::Debug for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Public => "Public",
            Self::Hiding(_) => "Hiding(..)",
        })
    }
}

/// Too few blinding rows for a hiding column.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a hiding column needs {LINK_ROWS} blinding rows, the circuit has {actual}")]
pub struct ScriptError {
    /// Blinding rows of the circuit.
    pub actual: usize,
}

impl ScriptError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Layout
    }
}

impl Tail {
    /// The cells of the last `rows` rows.
    pub fn cells(&self, rows: usize) -> Result<Vec<Fr>, ScriptError> {
        match self {
            Self::Public => Ok(vec![Fr::ONE; rows]),
            Self::Hiding(blinding) => {
                let zeros = rows.checked_sub(LINK_ROWS).ok_or(ScriptError { actual: rows })?;
                let mut cells = vec![Fr::ZERO; rows];
                cells[zeros..].copy_from_slice(blinding);
                Ok(cells)
            }
        }
    }
}

#[cfg(test)]
mod rng;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use rng::ScriptedRng;
