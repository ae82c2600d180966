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
//! | [`witness`], [`phase2`] | columns of the two phases |
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
pub mod witness;

pub use config::TrainingConfig;
pub use plan::Plan;
pub use witness::{Phase1, WitnessError};

use crate::blinding;
use crate::columns::{self, Columns, Declared, FixedCells};
use crate::grid::{LayoutError, TAIL};
use crate::profile::Profile;
use crate::rotations;
use config::Challenges;
use halo2_proofs::circuit::{Layouter, SimpleFloorPlanner};
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Circuit, ConstraintSystem, Error};
use phase2::{ChallengeValues, Phase2};
use std::borrow::Cow;
use std::sync::Arc;

/// Changes second-phase columns before they are assigned; only tests cheat this way.
pub type Tamper = Arc<dyn Fn(&mut Phase2, &ChallengeValues) + Send + Sync>;

/// The training circuit of a plan, with or without a witness.
#[derive(Clone)]
pub struct TrainingCircuit {
    plan: Option<Arc<Plan>>,
    witness: Option<Arc<Phase1>>,
    tamper: Option<Tamper>,
}

impl std::fmt::Debug for TrainingCircuit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let profile = self.plan.as_ref().map(|plan| plan.profile.name.as_str());
        f.debug_struct("TrainingCircuit").field("profile", &profile).field("witness", &self.witness.is_some()).finish()
    }
}

impl TrainingCircuit {
    /// The circuit without a witness, for keys.
    ///
    /// # Errors
    /// [`LayoutError`] when the profile does not fit.
    pub fn new(profile: &Profile) -> Result<Self, LayoutError> {
        let plan = Plan::new(profile)?;
        let mut cs = ConstraintSystem::default();
        let config = TrainingConfig::configure(&mut cs, &plan);
        if config.blinding_rows > TAIL {
            return Err(LayoutError::Tail { need: config.blinding_rows, have: TAIL });
        }
        rotations::check(&cs, profile.k)?;
        blinding::data(&cs, config.x.column)?;
        blinding::updates(&cs, config.d.iter().map(|place| place.column))?;
        Ok(TrainingCircuit { plan: Some(Arc::new(plan)), witness: None, tamper: None })
    }

    /// The same circuit with a witness.
    pub fn with_witness(&self, witness: Phase1) -> Self {
        TrainingCircuit { plan: self.plan.clone(), witness: Some(Arc::new(witness)), tamper: None }
    }

    /// Changes the second phase before it is assigned, to test that the gates notice.
    #[cfg(feature = "test-utils")]
    pub fn with_tamper(mut self, tamper: Tamper) -> Self {
        self.tamper = Some(tamper);
        self
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        // invariant: only `Params::default()`, which never becomes a circuit, has no plan.
        self.plan.as_ref().expect("a circuit has a plan")
    }

    /// Rows that the proving system fills with random values at the end of each column.
    pub fn blinding_rows(&self) -> usize {
        let mut cs = ConstraintSystem::default();
        TrainingConfig::configure(&mut cs, self.plan()).blinding_rows
    }
}

impl Columns for TrainingCircuit {
    fn declared(config: &TrainingConfig) -> Declared {
        let Challenges { theta, upsilon, alpha, mu } = config.challenges;
        Declared {
            first: config.first_phase.clone(),
            second: config.second_phase.clone(),
            challenges: vec![theta, upsilon, alpha, mu],
            blinding_rows: config.blinding_rows,
        }
    }

    fn fixed_cells(&self, config: &TrainingConfig, out: &mut FixedCells<'_>) {
        fixed::cells(config, self.plan(), out);
    }

    fn first_phase(&self) -> Option<Vec<Cow<'_, [Fr]>>> {
        self.witness.as_ref().map(|first| first.columns(&self.plan().grid))
    }

    fn into_first_phase(self) -> Option<Vec<Vec<Fr>>> {
        let first = Arc::unwrap_or_clone(self.witness?);
        self.plan.map(|plan| first.into_columns(&plan.grid))
    }

    fn second_phase(&self, challenges: &[Fr]) -> Option<Vec<Vec<Fr>>> {
        let (first, [theta, upsilon, alpha, mu]) = (self.witness.as_ref()?, challenges) else { return None };
        let challenges = ChallengeValues { theta: *theta, upsilon: *upsilon, alpha: *alpha, mu: *mu };
        let mut second = Phase2::new(self.plan(), first, &challenges);
        if let Some(tamper) = &self.tamper {
            tamper(&mut second, &challenges);
        }
        Some(second.into_columns(&self.plan().grid))
    }
}

impl Circuit<Fr> for TrainingCircuit {
    type Config = TrainingConfig;
    type FloorPlanner = SimpleFloorPlanner;
    type Params = Option<Arc<Plan>>;

    fn without_witnesses(&self) -> Self {
        TrainingCircuit { plan: self.plan.clone(), witness: None, tamper: None }
    }

    fn params(&self) -> Self::Params {
        self.plan.clone()
    }

    fn configure_with_params(meta: &mut ConstraintSystem<Fr>, plan: Self::Params) -> Self::Config {
        // invariant: circuits are made by `new`, so keygen and the prover always pass a plan.
        TrainingConfig::configure(meta, &plan.expect("a training circuit is configured with its plan"))
    }

    fn configure(_: &mut ConstraintSystem<Fr>) -> Self::Config {
        unreachable!("a training circuit is configured with its plan")
    }

    fn synthesize(&self, config: Self::Config, mut layouter: impl Layouter<Fr>) -> Result<(), Error> {
        layouter.assign_region(
            || "training",
            |mut region| {
                columns::assign(self, &config, &mut region);
                Ok(())
            },
        )
    }
}
