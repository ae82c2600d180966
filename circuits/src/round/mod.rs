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
//! | [`witness`] | columns of both phases |
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
pub mod witness;

pub use config::RoundConfig;
pub use plan::RoundPlan;
pub use witness::{Phase2, RoundError, RoundWitness};

use crate::columns::{self, Columns, Declared, FixedCells};
use crate::grid::{LayoutError, TAIL};
use crate::profile::Profile;
use crate::rotations;
use halo2_proofs::circuit::{Layouter, SimpleFloorPlanner};
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Circuit, ConstraintSystem, Error};
use std::borrow::Cow;
use std::sync::Arc;

/// Changes second-phase columns before they are assigned, given `alpha` and `tau`; only tests cheat this way.
pub type Tamper = Arc<dyn Fn(&mut Phase2, Fr, Fr) + Send + Sync>;

/// The round circuit of a plan, with or without a witness.
#[derive(Clone)]
pub struct RoundCircuit {
    plan: Option<Arc<RoundPlan>>,
    witness: Option<Arc<RoundWitness>>,
    tamper: Option<Tamper>,
}

impl std::fmt::Debug for RoundCircuit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let profile = self.plan.as_ref().map(|plan| plan.profile.name.as_str());
        f.debug_struct("RoundCircuit").field("profile", &profile).field("witness", &self.witness.is_some()).finish()
    }
}

impl RoundCircuit {
    /// The circuit without a witness, for keys.
    ///
    /// # Errors
    /// [`LayoutError`] when the profile does not fit.
    pub fn new(profile: &Profile) -> Result<Self, LayoutError> {
        let plan = RoundPlan::new(profile)?;
        let mut cs = ConstraintSystem::default();
        RoundConfig::configure(&mut cs, &plan);
        rotations::check(&cs, profile.k)?;
        let circuit = RoundCircuit { plan: Some(Arc::new(plan)), witness: None, tamper: None };
        match circuit.blinding_rows() {
            need if need > TAIL => Err(LayoutError::Tail { need, have: TAIL }),
            _ => Ok(circuit),
        }
    }

    /// The same circuit with a witness.
    pub fn with_witness(&self, witness: RoundWitness) -> Self {
        RoundCircuit { plan: self.plan.clone(), witness: Some(Arc::new(witness)), tamper: None }
    }

    /// Changes the second phase before it is assigned, to test that the gates notice.
    #[cfg(feature = "test-utils")]
    pub fn with_tamper(mut self, tamper: Tamper) -> Self {
        self.tamper = Some(tamper);
        self
    }

    /// The plan.
    pub fn plan(&self) -> &RoundPlan {
        // invariant: only `Params::default()`, which never becomes a circuit, has no plan.
        self.plan.as_ref().expect("a circuit has a plan")
    }

    /// Rows that the proving system fills with random values at the end of each column.
    pub fn blinding_rows(&self) -> usize {
        let mut cs = ConstraintSystem::default();
        RoundConfig::configure(&mut cs, self.plan()).blinding_rows
    }
}

impl Columns for RoundCircuit {
    fn declared(config: &RoundConfig) -> Declared {
        Declared {
            first: config.first_phase().collect(),
            second: config.second_phase().collect(),
            challenges: vec![config.alpha, config.tau],
            blinding_rows: config.blinding_rows,
        }
    }

    fn fixed_cells(&self, config: &RoundConfig, out: &mut FixedCells<'_>) {
        config::fixed_cells(config, self.plan(), out);
    }

    fn first_phase(&self) -> Option<Vec<Cow<'_, [Fr]>>> {
        self.witness.as_ref().map(|first| first.columns().map(|column| Cow::Borrowed(column.as_slice())).collect())
    }

    fn into_first_phase(self) -> Option<Vec<Vec<Fr>>> {
        Some(Arc::unwrap_or_clone(self.witness?).into_columns().collect())
    }

    fn second_phase(&self, challenges: &[Fr]) -> Option<Vec<Vec<Fr>>> {
        let (first, [alpha, tau]) = (self.witness.as_ref()?, challenges) else { return None };
        let mut second = Phase2::new(self.plan(), first, *alpha, *tau);
        if let Some(tamper) = &self.tamper {
            tamper(&mut second, *alpha, *tau);
        }
        Some(second.sums.into_iter().chain([second.table]).chain(second.folds).collect())
    }
}

impl Circuit<Fr> for RoundCircuit {
    type Config = RoundConfig;
    type FloorPlanner = SimpleFloorPlanner;
    type Params = Option<Arc<RoundPlan>>;

    fn without_witnesses(&self) -> Self {
        RoundCircuit { plan: self.plan.clone(), witness: None, tamper: None }
    }

    fn params(&self) -> Self::Params {
        self.plan.clone()
    }

    fn configure_with_params(meta: &mut ConstraintSystem<Fr>, plan: Self::Params) -> Self::Config {
        // invariant: circuits are made by `new`, so keygen and the prover always pass a plan.
        RoundConfig::configure(meta, &plan.expect("a round circuit is configured with its plan"))
    }

    fn configure(_: &mut ConstraintSystem<Fr>) -> Self::Config {
        unreachable!("a round circuit is configured with its plan")
    }

    fn synthesize(&self, config: Self::Config, mut layouter: impl Layouter<Fr>) -> Result<(), Error> {
        layouter.assign_region(
            || "round",
            |mut region| {
                columns::assign(self, &config, &mut region);
                Ok(())
            },
        )
    }
}
