//! The proving engine: proofs in exactly Halo2's format, from columns.
//!
//! It makes the proofs that Halo2's `create_proof` makes with KZG commitments and SHPLONK openings,
//! for the constraint systems of this program: gates of degree 3 over two phases, one instance
//! column, no copies, lookups or selectors. Any other is refused when a key is made
//! ([`shape::ShapeError`]). Halo2's unmodified verifier and the generated contracts accept them.
//!
//! # Structure
//! | file | content |
//! |---|---|
//! | [`shape`] | what is supported; queries |
//! | `symbolic`, `scalars`, [`program`] | gates, compiled to instructions over rows |
//! | [`memory`] | what to do with less memory |
//! | `commit` | commitments to columns |
//! | `quotient` | the gates' quotient, one coset at a time |
//! | `opening` | SHPLONK |
//! | `prove` | the protocol |
//! | [`arith`] | multi-exponentiations, transforms, products of columns: all code that is fast, and all that is unsafe |
//! | [`encoding`], [`transcript`] | points and scalars as bytes; the Keccak transcript of proofs and contracts |
//! | [`proof_format`] | lengths and offsets in a proof |
//! | `heap`, `wipe` | freed memory given back; secrets overwritten |
//!
//! The keys and reference strings that proofs need, and the way to prove a statement, are in the crate `zkpoc-prover`.
//!
//! # Example
//! The engine's multi-exponentiation is the sum that the curve's own arithmetic gives, and its result survives its encoding:
//!
//! ```
//! use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
//! use halo2_proofs::halo2curves::group::{prime::PrimeCurveAffine, Curve};
//! use zkpoc_engine::arith::msm_small;
//! use zkpoc_engine::encoding::{point_from_bytes, point_to_bytes};
//!
//! let bases: Vec<G1Affine> = (1..=4u64).map(|i| (G1Affine::generator() * Fr::from(i)).to_affine()).collect();
//! let sum = msm_small(&[3, -1, 0, 2], &bases).to_affine();
//! // 3 * 1 - 1 * 2 + 2 * 4 = 9
//! assert_eq!(sum, (G1Affine::generator() * Fr::from(9)).to_affine());
//! assert_eq!(point_from_bytes(&point_to_bytes(&sum)), Ok(sum));
//! ```
//!
//! # Errors
//! Each error has a method `kind`: what the caller can do about it, as an [`ErrorKind`].
//!
//! # Soundness
//! A verifier decides; nothing here can make a false statement verify. A witness that breaks a gate
//! yields a proof that does not verify.
//!
//! # Zero knowledge
//! What a verifier sees of a column is its commitment and its values at the queried points, as with
//! Halo2, and the same rows are random. The two points of the opening are functions of the
//! commitments, the values, the challenges and the trapdoor alone: each is the commitment to a
//! quotient whose value at the trapdoor follows from the values of the polynomials there. So they
//! tell nothing more.
//!
//! Halo2 commits to a random polynomial of degree `n - 1` and opens it at `x`. Of it, too, a verifier
//! sees the value at the trapdoor `tau`, in the exponent, and the value at `x`. Two random coefficients
//! make these two independent and uniform (`x != tau`), as `n` do. Here the polynomial has degree 1,
//! fresh for each proof, so proofs have the same distribution and its commitment costs nothing.

#![cfg_attr(not(test), warn(unused_crate_dependencies))]

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Column, ConstraintSystem, Fixed};
use zkpoc_circuits::columns::{Columns, FixedCells};

pub mod arith;
pub mod commit;
pub mod encoding;
mod heap;
pub mod memory;
mod opening;
pub mod program;
pub mod proof_format;
mod prove;
mod quotient;
mod scalars;
pub mod shape;
mod symbolic;
pub mod transcript;
mod wipe;

pub use memory::{MemoryError, Strategy};
pub use prove::{prove, CommitmentKey, EngineError, Statement};
pub use shape::{Shape, ShapeError};
pub use wipe::wipe;
pub use zkpoc_circuits::ErrorKind;

use crate::arith::Domain;
use program::Program;
use quotient::Kept;

/// What the engine keeps of a circuit: its shape, the compiled gates and the fixed columns, as integers and, once a proof of
/// [`Strategy::Fast`] needs them, transformed.
#[derive(Clone, Debug)]
pub struct Engine {
    shape: Shape,
    program: Program,
    fixed: Vec<Vec<u32>>,
    kept: OnceLock<Arc<Kept>>,
}

impl Engine {
    /// Prepares a circuit of `2^k` rows.
    ///
    /// # Errors
    /// [`ShapeError`] if the engine does not prove such a circuit.
    pub fn new<C: Columns>(circuit: &C, k: u32) -> Result<Self, ShapeError> {
        let mut cs = ConstraintSystem::<Fr>::default();
        let config = C::configure_with_params(&mut cs, circuit.params());
        let shape = Shape::of(&cs, k)?;
        let program = Program::compile(&cs, &shape)?;
        let mut fixed = vec![vec![0u32; shape.usable()]; shape.fixed];
        let mut refused = None;
        let mut put = |column: Column<Fixed>, row: usize, value: u64| {
            let column = column.index();
            match (fixed[column].get_mut(row), u32::try_from(value)) {
                (Some(cell), Ok(value)) => *cell = value,
                _ => refused = Some(ShapeError::Fixed { column, row, value, usable: shape.usable() }),
            }
        };
        circuit.fixed_cells(&config, &mut FixedCells::new(&mut put));
        refused.map_or(Ok(()), Err)?;
        Ok(Self { shape, program, fixed, kept: OnceLock::new() })
    }

    /// Does what all proofs of a strategy share ahead of the first.
    pub fn prepare(&self, strategy: Strategy) {
        if strategy == Strategy::Fast {
            self.kept(&Domain::new(self.shape.k));
        }
    }

    fn kept(&self, domain: &Domain) -> &Kept {
        self.kept.get_or_init(|| Arc::new(Kept::new(domain, &self.fixed)))
    }

    /// The shape.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The compiled gates.
    pub fn program(&self) -> &Program {
        &self.program
    }
}

/// Times of the stages of one proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stages {
    /// Second-phase columns.
    pub witness: Duration,
    /// Commitments to the columns of both phases.
    pub commit: Duration,
    /// Coefficients of all columns.
    pub interpolate: Duration,
    /// Values on the cosets, the gates, and the coefficients of the quotient.
    pub quotient: Duration,
    /// Commitments to the pieces of the quotient.
    pub pieces: Duration,
    /// Values at the queried points.
    pub evaluate: Duration,
    /// The opening.
    pub open: Duration,
}

impl Stages {
    /// Names and times, in the order of the protocol.
    pub fn list(&self) -> [(&'static str, Duration); 7] {
        [
            ("witness", self.witness),
            ("commit", self.commit),
            ("interpolate", self.interpolate),
            ("quotient", self.quotient),
            ("pieces", self.pieces),
            ("evaluate", self.evaluate),
            ("open", self.open),
        ]
    }
}

#[cfg(test)]
mod tests;
