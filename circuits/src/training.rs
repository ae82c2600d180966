//! The training circuit: an update is the exact gradient of a model on a shard.
//!
//! # Statement
//! For the model in the committed columns `w` and the shard in the committed column `x`, the columns
//! `d` hold the update that [`crate::reference::step`] computes, its squared norm is below
//! `norm_bound` and the loss below `loss_bound` ([`crate::instance`]).
//!
//! # Structure
//! | file | content |
//! |---|---|
//! | [`plan`] | lanes: where private cells sit, for any profile |
//! | [`config`] | columns and challenges |
//! | [`gates`] | every gate, with its soundness |
//! | [`Phase1`], [`phase2`] | columns of the two phases |
//! | [`regions`] | which rows of which columns are used, and for what |
//!
//! # Soundness
//! Preconditions, established elsewhere: the model's weights are in range and its transposed copies
//! agree with it (the model commitment is recomputed by anyone from the published model); the data
//! column's features are in range, its labels one-hot and its padding zero (the dataset circuit, on
//! the commitment that the link proof ties to this one). Given these, no sum wraps the field
//! ([`crate::profile::Bounds`]), and the identities below hold over the integers:
//!
//! 1. each layer's pre-activations are inputs times weights plus bias (`forward`);
//! 2. activations and residuals are their rounded clamps (`units`), by range-checked limbs (`lookup`);
//! 3. back-propagated sums are signals times transposed weights (`backward`), signals their rounded,
//!    clamped and masked values;
//! 4. the update is inputs transposed times signals (`gradient`), and zero elsewhere (see `gates::folds`);
//! 5. the norm and the loss stay below their bounds (`start`, `loss.total`, `bucket`).
//!
//! Each identity is a polynomial in challenges drawn after all its operands were committed, in the built-in profiles of degree
//! below `2^18`; there are fewer than `2^5`, so the total error is below `2^23 / r < 2^-230` ([`crate::soundness`] computes it).
//!
//! # Source
//! Products by random evaluation: Freivalds 1977; LogUp: eprint 2022/1530; committed columns:
//! LegoSNARK, eprint 2019/142. The arrangement in aligned blocks is our own.

pub mod config;
mod fixed;
pub mod gates;
pub mod phase2;
pub mod plan;
pub mod regions;
mod witness;

pub use config::TrainingConfig;
pub use plan::Plan;
pub use witness::{Phase1, WitnessError};

use crate::blinding;
use crate::circuit::{ColumnCircuit, Definition};
use crate::columns::{Declared, FixedCells};
use crate::grid::LayoutError;
use crate::kind::CircuitKind;
use crate::profile::Profile;
use config::Challenges;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;
use phase2::{ChallengeValues, Phase2};
use std::borrow::Cow;
use std::sync::Arc;

/// Changes second-phase columns before they are assigned; only tests cheat this way.
pub type Tamper = Arc<dyn Fn(&mut Phase2, &ChallengeValues) + Send + Sync>;

/// The training circuit of a profile, with or without a witness.
pub type TrainingCircuit = ColumnCircuit<Training>;

/// What makes a [`ColumnCircuit`] the training circuit.
#[derive(Debug)]
pub enum Training {}

impl Definition for Training {
    const KIND: CircuitKind = CircuitKind::Training;
    type Plan = Plan;
    type Config = TrainingConfig;
    type Witness = Phase1;
    type Tamper = Tamper;

    fn plan(profile: &Profile) -> Result<Plan, LayoutError> {
        Plan::new(profile)
    }

    fn columns(meta: &mut ConstraintSystem<Fr>, plan: &Plan) -> TrainingConfig {
        TrainingConfig::configure(meta, plan)
    }

    fn gates(meta: &mut ConstraintSystem<Fr>, config: &TrainingConfig, plan: &Plan) {
        gates::create(meta, config, plan);
    }

    fn hides(cs: &ConstraintSystem<Fr>, config: &Self::Config) -> Result<(), LayoutError> {
        blinding::data(cs, config.x.column)?;
        let first = config.d.iter().filter(|place| place.first == 0);
        let places = config.d.len() / first.clone().count().max(1);
        blinding::updates(cs, first.map(|place| place.column), places)
    }

    fn declared(config: &TrainingConfig, blinding_rows: usize) -> Declared {
        let Challenges { theta, upsilon, alpha, mu } = config.challenges;
        Declared {
            first: config.first_phase.clone(),
            second: config.second_phase.clone(),
            challenges: vec![theta, upsilon, alpha, mu],
            blinding_rows,
        }
    }

    fn fixed_cells(config: &TrainingConfig, plan: &Plan, out: &mut FixedCells<'_>) {
        fixed::cells(config, plan, out);
    }

    fn first_phase<'a>(plan: &Plan, witness: &'a Phase1) -> Vec<Cow<'a, [Fr]>> {
        witness.columns(&plan.grid)
    }

    fn into_first_phase(plan: &Plan, witness: Phase1) -> Vec<Vec<Fr>> {
        witness.into_columns(&plan.grid)
    }

    fn second_phase(plan: &Plan, witness: &Phase1, challenges: &[Fr], tamper: Option<&Tamper>) -> Option<Vec<Vec<Fr>>> {
        let [theta, upsilon, alpha, mu] = challenges else { return None };
        let challenges = ChallengeValues { theta: *theta, upsilon: *upsilon, alpha: *alpha, mu: *mu };
        let mut second = Phase2::new(plan, witness, &challenges);
        if let Some(tamper) = tamper {
            tamper(&mut second, &challenges);
        }
        Some(second.into_columns(&plan.grid))
    }
}
