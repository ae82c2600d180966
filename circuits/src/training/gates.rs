//! The gates of the training circuit, every one of degree three or less.
//!
//! | file | gates |
//! |---|---|
//! | [`folds`] | padding of the update, folds of inputs, weights and update, dot products, norm |
//! | [`units`] | rounding and clamping of units, their folds, residuals, loss |
//! | [`softmax`] | probabilities of outputs |
//! | [`lookup`] | LogUp sums of limbs and table |
//! | [`links`] | equations that tie the chains together at the gaps and at row 0, buckets |
//!
//! Each file has a table of its constraints, with the test that attacks each one alone. At each query a comment says what
//! binds the cell, by the name of a constraint: `grep -rn 'NAME' circuits` leads from a name to its gate, its argument and
//! its attack. `tests/index.rs` keeps tables, comments and tests complete.

pub mod folds;
pub mod links;
pub mod lookup;
pub mod softmax;
pub mod units;

use super::config::TrainingConfig;
use super::plan::Plan;
use crate::expr::Expr;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

/// Constraints and their names.
type Named = Vec<(&'static str, Expr)>;

/// Creates every gate.
pub(super) fn create(meta: &mut ConstraintSystem<Fr>, config: &TrainingConfig, plan: &Plan) {
    folds::create(meta, config, plan);
    units::create(meta, config, plan);
    lookup::create(meta, config, plan);
    links::create(meta, config, plan);
}
