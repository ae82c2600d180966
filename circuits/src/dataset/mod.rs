//! The dataset circuit: a shard is well-formed.
//!
//! # Statement
//! The committed data column holds `batch` records whose features lie in `0 .. 2^feature_bits`, whose
//! labels are one-hot, no two of which have the same features, and zero everywhere else before the tail.
//!
//! # Columns
//! | column | phase | content |
//! |---|---|---|
//! | `x` | 1, committed, hiding | the shard, see [`crate::grid`] |
//! | `aux` | 1 | multiplicities beside the table; sums of the labels |
//! | `p2_range` | 2 | LogUp sum over the features, then over the table |
//! | `p2_print` | 2 | fold of a record over its features: its fingerprint; copies of the fingerprints |
//! | `p2_shift` | 2 | the fingerprints shifted by `1 .. batch-1` samples |
//! | `p2_inverse` | 2 | inverse of each difference of two fingerprints |
//!
//! # Soundness
//! The gates and what each enforces are in [`gates`]. Preconditions: none. A shard with a feature out
//! of range leaves a pole in the LogUp identity: error below `2^18 / r`. Two records with equal
//! features have equal fingerprints for every challenge, so their difference has no inverse: no
//! error. Labels and padding are checked cell by cell: no error.

pub mod gates;
mod witness;

pub use witness::{DatasetWitness, Phase2};

use crate::blinding;
use crate::columns::{self, Columns, Declared, FixedCells};
use crate::grid::{Grid, LayoutError};
use crate::profile::Profile;
use crate::rotations;
use halo2_proofs::circuit::{Layouter, SimpleFloorPlanner};
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{
    Advice, Challenge, Circuit, Column, ConstraintSystem, Error, FirstPhase, Fixed, Instance, SecondPhase,
};
use std::borrow::Cow;
use std::sync::Arc;

/// Configuration of the dataset circuit.
#[derive(Debug, Clone)]
pub struct DatasetConfig {
    /// The committed data column.
    pub x: Column<Advice>,
    /// Multiplicities and label sums.
    pub aux: Column<Advice>,
    /// LogUp sum.
    pub p2_range: Column<Advice>,
    /// Fingerprints and their copies.
    pub p2_print: Column<Advice>,
    /// Shifted fingerprints.
    pub p2_shift: Column<Advice>,
    /// Inverses of differences.
    pub p2_inverse: Column<Advice>,
    /// Zone of the data column: 0 tail, 1 data, 2 padding.
    pub f_zone: Column<Fixed>,
    /// Feature rows: 1, of the first feature 2.
    pub q_feature: Column<Fixed>,
    /// Label rows of samples: 1, of the first label 2.
    pub q_label: Column<Fixed>,
    /// Rows where the LogUp sum is 0: 1; where the label sum is 1: 2.
    pub q_pin: Column<Fixed>,
    /// Rows that compare two fingerprints: 1, neighbours 2.
    pub q_pair: Column<Fixed>,
    /// Table value plus one.
    pub t_feature: Column<Fixed>,
    /// Public inputs.
    pub instance: Column<Instance>,
    /// LogUp challenge.
    pub alpha: Challenge,
    /// Fingerprint challenge.
    pub upsilon: Challenge,
    /// Rows that the proving system fills with random values.
    pub blinding_rows: usize,
}

impl DatasetConfig {
    /// Allocates the columns and creates the gates.
    pub fn configure(meta: &mut ConstraintSystem<Fr>, plan: &DatasetPlan) -> Self {
        let [x, aux] = [(); 2].map(|_| meta.advice_column());
        let [p2_range, p2_print, p2_shift, p2_inverse] = [(); 4].map(|_| meta.advice_column_in(SecondPhase));
        let [f_zone, q_feature, q_label, q_pin, q_pair, t_feature] = [(); 6].map(|_| meta.fixed_column());
        let mut config = DatasetConfig {
            x,
            aux,
            p2_range,
            p2_print,
            p2_shift,
            p2_inverse,
            f_zone,
            q_feature,
            q_label,
            q_pin,
            q_pair,
            t_feature,
            instance: meta.instance_column(),
            alpha: meta.challenge_usable_after(FirstPhase),
            upsilon: meta.challenge_usable_after(FirstPhase),
            blinding_rows: 0,
        };
        gates::create(meta, &config, plan);
        config.blinding_rows = meta.blinding_factors() + 1;
        config
    }
}

/// Rows of the dataset circuit of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetPlan {
    /// The grid shared by all circuits of the profile.
    pub grid: Grid,
    /// Bits of a feature.
    pub feature_bits: u32,
    /// Rows from a label to its running sum: 0 unless the table reaches into the outputs.
    pub label_shift: usize,
}

impl DatasetPlan {
    /// Plans a profile.
    ///
    /// # Errors
    /// [`LayoutError`] when the table or the comparisons do not fit beside the features.
    pub fn new(profile: &Profile) -> Result<Self, LayoutError> {
        let grid = Grid::new(profile)?;
        let table = (1usize << profile.feature_bits).div_ceil(grid.rows_per_block);
        let table_end = grid.bias(1) + table;
        let labels = grid.layers[grid.depth()];
        let shift = if table_end > grid.output(0) { table_end.max(grid.end()) - grid.output(0) } else { 0 };
        if grid.output(0) + shift + labels > grid.blocks() {
            return Err(LayoutError::Features {
                feature_bits: profile.feature_bits,
                need: table + labels,
                have: grid.blocks() - grid.bias(1),
            });
        }
        let label_shift = shift * grid.rows_per_block;
        let plan = DatasetPlan { grid, feature_bits: profile.feature_bits, label_shift };
        let grid = &plan.grid;
        let (need, have) = (grid.batch.saturating_sub(1), grid.blocks() - grid.bias(1));
        if table > have {
            return Err(LayoutError::Features { feature_bits: plan.feature_bits, need: table, have });
        }
        if need > have {
            return Err(LayoutError::Pairs { records: grid.batch, need, have });
        }
        Ok(plan)
    }

    /// Rows of the features, phantom samples included.
    pub fn features(&self) -> std::ops::Range<usize> {
        self.grid.row(self.grid.input(1, 0))..self.grid.row(self.grid.bias(1))
    }

    /// First row of the table; it follows the features, so one running sum covers both.
    pub fn table(&self) -> usize {
        self.features().end
    }

    /// Rows that compare sample `i` with sample `i + shift`, for each shift.
    pub fn pairs(&self, shift: usize) -> std::ops::Range<usize> {
        let first = self.features().end + (shift - 1) * self.grid.rows_per_block;
        first..first + self.grid.batch - shift
    }
}

/// Changes second-phase columns before they are assigned, given `alpha` and `upsilon`; only tests cheat this way.
pub type Tamper = Arc<dyn Fn(&mut Phase2, Fr, Fr) + Send + Sync>;

/// The dataset circuit of a plan, with or without a witness.
#[derive(Clone)]
pub struct DatasetCircuit {
    plan: Option<Arc<DatasetPlan>>,
    witness: Option<Arc<DatasetWitness>>,
    tamper: Option<Tamper>,
}

impl std::fmt::Debug for DatasetCircuit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatasetCircuit").field("plan", &self.plan).field("witness", &self.witness.is_some()).finish()
    }
}

impl DatasetCircuit {
    /// The circuit without a witness, for keys.
    ///
    /// # Errors
    /// [`LayoutError`] when the profile does not fit.
    pub fn new(profile: &Profile) -> Result<Self, LayoutError> {
        let plan = DatasetPlan::new(profile)?;
        let mut cs = ConstraintSystem::default();
        let config = DatasetConfig::configure(&mut cs, &plan);
        rotations::check(&cs, profile.k)?;
        blinding::data(&cs, config.x)?;
        Ok(DatasetCircuit { plan: Some(Arc::new(plan)), witness: None, tamper: None })
    }

    /// The same circuit with a witness.
    pub fn with_witness(&self, witness: DatasetWitness) -> Self {
        DatasetCircuit { plan: self.plan.clone(), witness: Some(Arc::new(witness)), tamper: None }
    }

    /// Changes the second phase before it is assigned, to test that the gates notice.
    #[cfg(feature = "test-utils")]
    pub fn with_tamper(mut self, tamper: Tamper) -> Self {
        self.tamper = Some(tamper);
        self
    }

    /// The plan.
    pub fn plan(&self) -> &DatasetPlan {
        // invariant: only `Params::default()`, which never becomes a circuit, has no plan.
        self.plan.as_ref().expect("a circuit has a plan")
    }

    /// Rows that the proving system fills with random values at the end of each column.
    pub fn blinding_rows(&self) -> usize {
        let mut cs = ConstraintSystem::default();
        DatasetConfig::configure(&mut cs, self.plan()).blinding_rows
    }
}

impl Columns for DatasetCircuit {
    fn declared(config: &DatasetConfig) -> Declared {
        Declared {
            first: vec![config.x, config.aux],
            second: vec![config.p2_range, config.p2_print, config.p2_shift, config.p2_inverse],
            challenges: vec![config.alpha, config.upsilon],
            blinding_rows: config.blinding_rows,
        }
    }

    fn fixed_cells(&self, config: &DatasetConfig, out: &mut FixedCells<'_>) {
        let plan = self.plan();
        let grid = &plan.grid;
        let rows = grid.rows_per_block;
        for (row, zone) in grid.data_zones().into_iter().enumerate() {
            if zone.code() != 0 {
                out.push((config.f_zone, row, zone.code()));
            }
        }
        let features = plan.features();
        out.extend(
            features.clone().map(|row| (config.q_feature, row, if row < features.start + rows { 2 } else { 1 })),
        );
        let labels = grid.layers[grid.depth()];
        for k in 0..labels {
            let first = grid.row(grid.output(k));
            out.extend((first..first + grid.batch).map(|row| (config.q_label, row, if k == 0 { 2 } else { 1 })));
        }
        let last = grid.row(grid.output(labels - 1));
        let last = last + plan.label_shift;
        out.extend((last..last + grid.batch).map(|row| (config.q_pin, row, 2)));
        let size = 1usize << plan.feature_bits;
        out.extend((0..size).map(|value| (config.t_feature, plan.table() + value, value as u64 + 1)));
        out.push((config.q_pin, features.start - 1, 1));
        out.push((config.q_pin, plan.table() + size - 1, 1));
        for shift in 1..grid.batch {
            out.extend(plan.pairs(shift).map(|row| (config.q_pair, row, if shift == 1 { 2 } else { 1 })));
        }
    }

    fn first_phase(&self) -> Option<Vec<Cow<'_, [Fr]>>> {
        self.witness.as_ref().map(|first| vec![Cow::Borrowed(first.x.as_slice()), Cow::Borrowed(first.aux.as_slice())])
    }

    fn into_first_phase(self) -> Option<Vec<Vec<Fr>>> {
        let first = Arc::unwrap_or_clone(self.witness?);
        Some(vec![first.x, first.aux])
    }

    fn second_phase(&self, challenges: &[Fr]) -> Option<Vec<Vec<Fr>>> {
        let (first, [alpha, upsilon]) = (self.witness.as_ref()?, challenges) else { return None };
        let mut second = Phase2::new(self.plan(), first, *alpha, *upsilon);
        if let Some(tamper) = &self.tamper {
            tamper(&mut second, *alpha, *upsilon);
        }
        Some(vec![second.range, second.print, second.shift, second.inverse])
    }
}

impl Circuit<Fr> for DatasetCircuit {
    type Config = DatasetConfig;
    type FloorPlanner = SimpleFloorPlanner;
    type Params = Option<Arc<DatasetPlan>>;

    fn without_witnesses(&self) -> Self {
        DatasetCircuit { plan: self.plan.clone(), witness: None, tamper: None }
    }

    fn params(&self) -> Self::Params {
        self.plan.clone()
    }

    fn configure_with_params(meta: &mut ConstraintSystem<Fr>, plan: Self::Params) -> Self::Config {
        // invariant: circuits are made by `new`, so keygen and the prover always pass a plan.
        DatasetConfig::configure(meta, &plan.expect("a dataset circuit is configured with its plan"))
    }

    fn configure(_: &mut ConstraintSystem<Fr>) -> Self::Config {
        unreachable!("a dataset circuit is configured with its plan")
    }

    fn synthesize(&self, config: Self::Config, mut layouter: impl Layouter<Fr>) -> Result<(), Error> {
        layouter.assign_region(
            || "dataset",
            |mut region| {
                columns::assign(self, &config, &mut region);
                Ok(())
            },
        )
    }
}
