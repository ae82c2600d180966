//! The circuit around a definition: what the training, dataset and round circuits have in common.
//!
//! A [`Definition`] says how a profile becomes a plan, a plan becomes columns and gates, and a witness becomes the columns
//! of both phases. [`ColumnCircuit`] makes a Halo2 circuit of it: one region that starts at row 0, whose cells are the
//! columns ([`crate::columns`]).
//!
//! # Errors
//! [`LayoutError`] when a profile does not fit, [`LayoutError::Tail`] when its gates open a column so often that the
//! blinding rows reach beyond the tail: they would overwrite cells that gates read; [`LayoutError::Rotations`] when they read one row
//! of a column twice; [`LayoutError::Blinding`] when they open a hiding column so often that it hides no more.

use crate::columns::{self, Columns, Declared, FixedCells};
use crate::grid::{LayoutError, TAIL};
use crate::kind::{CircuitKind, ProfileCircuit};
use crate::profile::Profile;
use crate::rotations;
use halo2_proofs::circuit::{Layouter, SimpleFloorPlanner};
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Circuit, ConstraintSystem, Error};
use std::borrow::Cow;
use std::sync::Arc;

/// What tells one circuit from another.
pub trait Definition: 'static {
    /// Its name.
    const KIND: CircuitKind;
    /// Where everything sits, for one profile.
    type Plan: std::fmt::Debug + Send + Sync;
    /// Columns and challenges.
    type Config: Clone + std::fmt::Debug;
    /// Columns of the first phase.
    type Witness: Clone + Send + Sync;
    /// Changes the columns of the second phase before they are assigned; only tests cheat this way.
    type Tamper: Clone + Send + Sync;

    /// Plans a profile.
    ///
    /// # Errors
    /// [`LayoutError`] when the profile does not fit.
    fn plan(profile: &Profile) -> Result<Self::Plan, LayoutError>;

    /// Allocates the columns and challenges.
    fn columns(meta: &mut ConstraintSystem<Fr>, plan: &Self::Plan) -> Self::Config;

    /// Creates the gates.
    fn gates(meta: &mut ConstraintSystem<Fr>, config: &Self::Config, plan: &Self::Plan);

    /// Checks that the random rows of hiding columns outnumber their openings, see [`crate::blinding`].
    ///
    /// # Errors
    /// [`LayoutError::Blinding`].
    fn hides(cs: &ConstraintSystem<Fr>, config: &Self::Config) -> Result<(), LayoutError>;

    /// The columns and challenges in the order of declaration.
    fn declared(config: &Self::Config, blinding_rows: usize) -> Declared;

    /// Puts every non-zero fixed cell; of those put twice, the last counts.
    fn fixed_cells(config: &Self::Config, plan: &Self::Plan, out: &mut FixedCells<'_>);

    /// The columns of the first phase.
    fn first_phase<'a>(plan: &Self::Plan, witness: &'a Self::Witness) -> Vec<Cow<'a, [Fr]>>;

    /// Gives the columns of the first phase away.
    fn into_first_phase(plan: &Self::Plan, witness: Self::Witness) -> Vec<Vec<Fr>>;

    /// The columns of the second phase; `None` when there are not as many challenges as the circuit draws.
    fn second_phase(
        plan: &Self::Plan,
        witness: &Self::Witness,
        challenges: &[Fr],
        tamper: Option<&Self::Tamper>,
    ) -> Option<Vec<Vec<Fr>>>;
}

/// The circuit of a plan, with or without a witness.
pub struct ColumnCircuit<D: Definition> {
    plan: Option<Arc<D::Plan>>,
    witness: Option<Arc<D::Witness>>,
    tamper: Option<D::Tamper>,
}

impl<D: Definition> Clone for ColumnCircuit<D> {
    fn clone(&self) -> Self {
        ColumnCircuit { plan: self.plan.clone(), witness: self.witness.clone(), tamper: self.tamper.clone() }
    }
}

impl<D: Definition> std::fmt::Debug for ColumnCircuit<D> {
    /// The witness is private, so it is only said whether there is one.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = f.debug_struct("ColumnCircuit");
        out.field("kind", &D::KIND).field("plan", &self.plan).field("witness", &self.witness.is_some()).finish()
    }
}

impl<D: Definition> ColumnCircuit<D> {
    /// The circuit without a witness, for keys.
    ///
    /// # Errors
    /// [`LayoutError`] when the profile does not fit.
    pub fn new(profile: &Profile) -> Result<Self, LayoutError> {
        let plan = D::plan(profile)?;
        let mut cs = ConstraintSystem::default();
        let configured = configure::<D>(&mut cs, &plan);
        if configured.blinding_rows > TAIL {
            return Err(LayoutError::Tail { need: configured.blinding_rows, have: TAIL });
        }
        rotations::check(&cs, profile.k)?;
        D::hides(&cs, &configured.columns)?;
        Ok(Self::blank(Some(Arc::new(plan))))
    }

    fn blank(plan: Option<Arc<D::Plan>>) -> Self {
        ColumnCircuit { plan, witness: None, tamper: None }
    }

    /// The same circuit with a witness.
    pub fn with_witness(&self, witness: D::Witness) -> Self {
        ColumnCircuit { witness: Some(Arc::new(witness)), ..Self::blank(self.plan.clone()) }
    }

    /// Changes the second phase before it is assigned, to test that the gates notice.
    #[cfg(feature = "test-utils")]
    pub fn with_tamper(mut self, tamper: D::Tamper) -> Self {
        self.tamper = Some(tamper);
        self
    }

    /// The plan.
    pub fn plan(&self) -> &D::Plan {
        // invariant: only `Params::default()`, which never becomes a circuit, has no plan.
        self.plan.as_ref().expect("a circuit has a plan")
    }

    /// Rows that the proving system fills with random values at the end of each column.
    pub fn blinding_rows(&self) -> usize {
        configure::<D>(&mut ConstraintSystem::default(), self.plan()).blinding_rows
    }
}

/// Columns and challenges of a circuit whose gates are created.
#[derive(Debug, Clone)]
pub struct Configured<C> {
    /// Columns and challenges.
    pub columns: C,
    /// Rows that the proving system fills with random values: known once every gate has made its queries.
    pub blinding_rows: usize,
}

fn configure<D: Definition>(meta: &mut ConstraintSystem<Fr>, plan: &D::Plan) -> Configured<D::Config> {
    let columns = D::columns(meta, plan);
    D::gates(meta, &columns, plan);
    Configured { columns, blinding_rows: meta.blinding_factors() + 1 }
}

impl<D: Definition> Columns for ColumnCircuit<D> {
    fn declared(config: &Self::Config) -> Declared {
        D::declared(&config.columns, config.blinding_rows)
    }

    fn fixed_cells(&self, config: &Self::Config, out: &mut FixedCells<'_>) {
        D::fixed_cells(&config.columns, self.plan(), out);
    }

    fn first_phase(&self) -> Option<Vec<Cow<'_, [Fr]>>> {
        self.witness.as_ref().map(|witness| D::first_phase(self.plan(), witness))
    }

    fn into_first_phase(self) -> Option<Vec<Vec<Fr>>> {
        let witness = Arc::unwrap_or_clone(self.witness?);
        self.plan.map(|plan| D::into_first_phase(&plan, witness))
    }

    fn second_phase(&self, challenges: &[Fr]) -> Option<Vec<Vec<Fr>>> {
        D::second_phase(self.plan(), self.witness.as_ref()?, challenges, self.tamper.as_ref())
    }
}

impl<D: Definition> Circuit<Fr> for ColumnCircuit<D> {
    type Config = Configured<D::Config>;
    type FloorPlanner = SimpleFloorPlanner;
    type Params = Option<Arc<D::Plan>>;

    fn without_witnesses(&self) -> Self {
        Self::blank(self.plan.clone())
    }

    fn params(&self) -> Self::Params {
        self.plan.clone()
    }

    fn configure_with_params(meta: &mut ConstraintSystem<Fr>, plan: Self::Params) -> Self::Config {
        // invariant: circuits are made by `new`, so keygen and the prover always pass a plan.
        configure::<D>(meta, &plan.expect("a circuit is configured with its plan"))
    }

    fn configure(_: &mut ConstraintSystem<Fr>) -> Self::Config {
        unreachable!("a circuit is configured with its plan")
    }

    fn synthesize(&self, config: Self::Config, mut layouter: impl Layouter<Fr>) -> Result<(), Error> {
        layouter.assign_region(
            || D::KIND.name(),
            |mut region| {
                columns::assign(self, &config, &mut region);
                Ok(())
            },
        )
    }
}

impl<D: Definition> ProfileCircuit for ColumnCircuit<D> {
    const KIND: CircuitKind = D::KIND;

    fn of_profile(profile: &Profile) -> Result<Self, LayoutError> {
        Self::new(profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::{constant, Expr};
    use halo2_proofs::plonk::{Advice, Column};
    use halo2_proofs::poly::Rotation;

    /// A circuit whose one gate opens its one column at `OPENINGS` rotations.
    #[derive(Debug)]
    struct Opened<const OPENINGS: i32>;

    impl<const OPENINGS: i32> Definition for Opened<OPENINGS> {
        const KIND: CircuitKind = CircuitKind::Dataset;
        type Plan = ();
        type Config = Column<Advice>;
        type Witness = ();
        type Tamper = ();

        fn plan(_: &Profile) -> Result<(), LayoutError> {
            Ok(())
        }

        fn columns(meta: &mut ConstraintSystem<Fr>, (): &()) -> Column<Advice> {
            meta.advice_column()
        }

        fn gates(meta: &mut ConstraintSystem<Fr>, column: &Column<Advice>, (): &()) {
            meta.create_gate("opened", |meta| {
                let mut cell = |rotation| meta.query_advice(*column, Rotation(rotation));
                let sum: Expr = (0..OPENINGS).fold(constant(0), |sum, rotation| sum + cell(rotation));
                [("sum", sum)]
            });
        }

        fn hides(_: &ConstraintSystem<Fr>, _: &Column<Advice>) -> Result<(), LayoutError> {
            Ok(())
        }

        fn declared(column: &Column<Advice>, blinding_rows: usize) -> Declared {
            Declared { first: vec![*column], second: Vec::new(), challenges: Vec::new(), blinding_rows }
        }

        fn fixed_cells(_: &Column<Advice>, (): &(), _: &mut FixedCells<'_>) {}

        fn first_phase<'a>((): &(), (): &'a ()) -> Vec<Cow<'a, [Fr]>> {
            Vec::new()
        }

        fn into_first_phase((): &(), (): ()) -> Vec<Vec<Fr>> {
            Vec::new()
        }

        fn second_phase((): &(), (): &(), _: &[Fr], _: Option<&()>) -> Option<Vec<Vec<Fr>>> {
            Some(Vec::new())
        }
    }

    /// Halo2 keeps two blinding rows more than a column is opened, and one for the row that is not usable.
    #[test]
    fn rejects_blinding_rows_beyond_the_tail() {
        let profile = Profile::builtin("toy").unwrap();
        let fits = ColumnCircuit::<Opened<29>>::new(&profile).unwrap();
        assert_eq!(fits.blinding_rows(), TAIL);
        let error = ColumnCircuit::<Opened<30>>::new(&profile).unwrap_err();
        assert_eq!(error, LayoutError::Tail { need: TAIL + 1, have: TAIL });
    }

    /// No circuit is made past that guard.
    #[test]
    fn accepts_the_toy_profile_in_every_circuit() {
        fn rows<C: ProfileCircuit>() -> (CircuitKind, usize) {
            let circuit = C::of_profile(&Profile::builtin("toy").unwrap()).unwrap();
            let mut cs = ConstraintSystem::default();
            let config = C::configure_with_params(&mut cs, circuit.params());
            (C::KIND, C::declared(&config).blinding_rows)
        }
        let all = [
            rows::<crate::training::TrainingCircuit>(),
            rows::<crate::dataset::DatasetCircuit>(),
            rows::<crate::round::RoundCircuit>(),
        ];
        assert_eq!(all, [(CircuitKind::Training, 15), (CircuitKind::Dataset, 9), (CircuitKind::Round, 8)]);
    }
}
