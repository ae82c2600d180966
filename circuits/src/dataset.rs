//! The dataset circuit: a shard is well-formed.
//!
//! # Statement
//! The committed data column holds `local_steps * batch` records whose features are in the profile's range, whose
//! labels are one-hot, no two of which have the same features, and zero everywhere else before the tail.
//!
//! # Structure
//! | file | content |
//! |---|---|
//! | [`plan`] | rows, for any profile |
//! | [`config`] | columns, challenges and fixed cells |
//! | [`gates`] | every gate, with its soundness |
//! | [`DatasetWitness`], [`Phase2`] | columns of both phases |
//!
//! # Soundness
//! The gates and what each enforces are in [`gates`]. Preconditions: none. A shard with a feature out
//! of range leaves a pole in the LogUp identity: error below `2^18 / r`. Two records with equal
//! features have equal keys, and keys that are not all different have no strict order; that the keys in order are the records' keys
//! is a LogUp identity too, of degree twice the number of records. Labels and padding are checked cell by cell: no error.

pub mod config;
pub mod gates;
pub mod plan;
mod witness;

pub use config::DatasetConfig;
pub use plan::DatasetPlan;
pub use witness::{DatasetWitness, Phase2};

use crate::blinding;
use crate::circuit::{ColumnCircuit, Definition};
use crate::columns::{Declared, FixedCells};
use crate::grid::LayoutError;
use crate::kind::CircuitKind;
use crate::profile::Profile;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;
use std::borrow::Cow;
use std::sync::Arc;

/// Changes second-phase columns before they are assigned, given `alpha` and `beta`; only tests cheat this way.
pub type Tamper = Arc<dyn Fn(&mut Phase2, Fr, Fr) + Send + Sync>;

/// The dataset circuit of a profile, with or without a witness.
pub type DatasetCircuit = ColumnCircuit<Dataset>;

/// What makes a [`ColumnCircuit`] the dataset circuit.
#[derive(Debug)]
pub enum Dataset {}

impl Definition for Dataset {
    const KIND: CircuitKind = CircuitKind::Dataset;
    type Plan = DatasetPlan;
    type Config = DatasetConfig;
    type Witness = DatasetWitness;
    type Tamper = Tamper;

    fn plan(profile: &Profile) -> Result<DatasetPlan, LayoutError> {
        DatasetPlan::new(profile)
    }

    fn columns(meta: &mut ConstraintSystem<Fr>, _: &DatasetPlan) -> DatasetConfig {
        DatasetConfig::configure(meta)
    }

    fn gates(meta: &mut ConstraintSystem<Fr>, config: &DatasetConfig, plan: &DatasetPlan) {
        gates::create(meta, config, plan);
    }

    fn hides(cs: &ConstraintSystem<Fr>, config: &Self::Config) -> Result<(), LayoutError> {
        blinding::data(cs, config.x)
    }

    fn declared(config: &DatasetConfig, blinding_rows: usize) -> Declared {
        Declared {
            first: vec![config.x, config.aux, config.key],
            second: vec![config.p2_range, config.p2_order],
            challenges: vec![config.alpha, config.beta],
            blinding_rows,
        }
    }

    fn fixed_cells(config: &DatasetConfig, plan: &DatasetPlan, out: &mut FixedCells<'_>) {
        config::fixed_cells(config, plan, out);
    }

    fn first_phase<'a>(_: &DatasetPlan, witness: &'a DatasetWitness) -> Vec<Cow<'a, [Fr]>> {
        [&witness.x, &witness.aux, &witness.key].map(|column| Cow::Borrowed(column.as_slice())).into()
    }

    fn into_first_phase(_: &DatasetPlan, witness: DatasetWitness) -> Vec<Vec<Fr>> {
        vec![witness.x, witness.aux, witness.key]
    }

    fn second_phase(
        plan: &DatasetPlan,
        witness: &DatasetWitness,
        challenges: &[Fr],
        tamper: Option<&Tamper>,
    ) -> Option<Vec<Vec<Fr>>> {
        let [alpha, beta] = challenges else { return None };
        let mut second = Phase2::new(plan, witness, *alpha, *beta);
        if let Some(tamper) = tamper {
            tamper(&mut second, *alpha, *beta);
        }
        Some(vec![second.range, second.order])
    }
}
