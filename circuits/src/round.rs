//! The round circuit: the next model comes from the sum of a round's updates.
//!
//! # Statement
//! For the model in the committed columns `w`, the sum in the committed columns `s` and the public number of claims `N`, the
//! columns `next` hold the model of [`Model::apply_mean`](crate::reference::Model::apply_mean):
//! `clamp(w - floor((s numerator + N 2^(shift-1)) / (N 2^shift)))` in every weight and bias, a transposed copy wherever the
//! grid has one ([`crate::grid`]), zero on padding and one on the tail. So its commitment is the one that anyone recomputes.
//!
//! A first model comes from the same circuit: `w` is the model of all zeros, `N = 1`, and `s` is whatever reaches the wanted
//! model ([`Update::to_reach`](crate::reference::Update::to_reach)). Whatever `s` is, the next model is in range.
//!
//! # Structure
//! | file | content |
//! |---|---|
//! | [`plan`] | rows and limbs, for any profile |
//! | [`config`] | columns and challenges |
//! | [`gates`] | every gate, with its soundness |
//! | [`RoundWitness`], [`Phase2`] | columns of both phases |
//!
//! # Soundness
//! In [`gates`]. Preconditions: `w` is a model that this circuit made (the contract compares commitments), or the one of all
//! zeros; `s` is the sum of at most `max_claims` proven updates (the contract adds their commitments itself), for a first model anything.
//!
//! # Source
//! LogUp: Haböck, eprint 2022/1530. The arrangement is our own.

pub mod config;
pub mod gates;
pub mod plan;
mod witness;

pub use config::RoundConfig;
pub use plan::RoundPlan;
pub use witness::{Phase2, RoundError, RoundWitness};

use crate::circuit::{ColumnCircuit, Definition};
use crate::columns::{Declared, FixedCells};
use crate::grid::LayoutError;
use crate::kind::CircuitKind;
use crate::profile::Profile;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;
use std::borrow::Cow;
use std::sync::Arc;

/// Changes second-phase columns before they are assigned, given `alpha` and `tau`; only tests cheat this way.
pub type Tamper = Arc<dyn Fn(&mut Phase2, Fr, Fr) + Send + Sync>;

/// The round circuit of a profile, with or without a witness.
pub type RoundCircuit = ColumnCircuit<Round>;

/// What makes a [`ColumnCircuit`] the round circuit.
#[derive(Debug)]
pub enum Round {}

impl Definition for Round {
    const KIND: CircuitKind = CircuitKind::Round;
    type Plan = RoundPlan;
    type Config = RoundConfig;
    type Witness = RoundWitness;
    type Tamper = Tamper;

    fn plan(profile: &Profile) -> Result<RoundPlan, LayoutError> {
        RoundPlan::new(profile)
    }

    fn columns(meta: &mut ConstraintSystem<Fr>, plan: &RoundPlan) -> RoundConfig {
        RoundConfig::configure(meta, plan)
    }

    fn gates(meta: &mut ConstraintSystem<Fr>, config: &RoundConfig, plan: &RoundPlan) {
        gates::create(meta, config, plan);
    }

    fn hides(_: &ConstraintSystem<Fr>, _: &Self::Config) -> Result<(), LayoutError> {
        // A sum is opened less often than each of its updates, whose rows the training circuit counts.
        Ok(())
    }

    fn declared(config: &RoundConfig, blinding_rows: usize) -> Declared {
        Declared {
            first: config.first_phase().collect(),
            second: config.second_phase().collect(),
            challenges: vec![config.alpha, config.tau],
            blinding_rows,
        }
    }

    fn fixed_cells(config: &RoundConfig, plan: &RoundPlan, out: &mut FixedCells<'_>) {
        config::fixed_cells(config, plan, out);
    }

    fn first_phase<'a>(_: &RoundPlan, witness: &'a RoundWitness) -> Vec<Cow<'a, [Fr]>> {
        witness.columns().map(|column| Cow::Borrowed(column.as_slice())).collect()
    }

    fn into_first_phase(_: &RoundPlan, witness: RoundWitness) -> Vec<Vec<Fr>> {
        witness.into_columns().collect()
    }

    fn second_phase(
        plan: &RoundPlan,
        witness: &RoundWitness,
        challenges: &[Fr],
        tamper: Option<&Tamper>,
    ) -> Option<Vec<Vec<Fr>>> {
        let [alpha, tau] = challenges else { return None };
        let mut second = Phase2::new(plan, witness, *alpha, *tau);
        if let Some(tamper) = tamper {
            tamper(&mut second, *alpha, *tau);
        }
        Some(second.sums.into_iter().chain([second.table]).chain(second.folds).collect())
    }
}
