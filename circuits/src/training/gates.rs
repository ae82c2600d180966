//! The gates of the training circuit, every one of degree three or less.
//!
//! | file | gates |
//! |---|---|
//! | [`folds`] | committed columns' zones, folds of inputs, weights and update, dot products, norm |
//! | [`units`] | rounding and clamping of units, their folds, residuals, loss |
//! | [`lookup`] | LogUp sums of limbs and table |
//! | [`links`] | equations that tie the chains together at the gaps and at row 0, buckets |

pub mod folds;
pub mod links;
pub mod lookup;
pub mod units;

use super::config::TrainingConfig;
use super::plan::Plan;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

/// Creates every gate.
pub(super) fn create(meta: &mut ConstraintSystem<Fr>, config: &TrainingConfig, plan: &Plan) {
    folds::create(meta, config, plan);
    units::create(meta, config, plan);
    lookup::create(meta, config, plan);
    links::create(meta, config, plan);
}
