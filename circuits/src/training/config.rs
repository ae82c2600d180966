//! Columns and challenges of the training circuit.
//!
//! | column | phase | content |
//! |---|---|---|
//! | `w` (C) | 1, committed, public | model: weights, biases, transposed weights; tail 1 |
//! | `x` | 1, committed, hiding | features and one-hot labels |
//! | `d` (C) | 1, committed, hiding, additive | update |
//! | `aux` | 1 | column 0: activations, residuals, state at the gaps, multiplicities; lookup area; sign bits |
//! | `p2_input` | 2 | fold of the inputs over blocks |
//! | `p2_update` | 2 | fold of the update; LogUp sum of the table |
//! | `p2_dot` | 2 | every fourth row: dot products and norm, weight fold, input fold |
//! | `p2_chain` | 2 | LogUp sums beside the lookup area; lanes: folds of the units, loss |
//!
//! The committed columns come first, so their commitments are the first points of a proof.

use super::plan::{Lane, Plan};
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{
    Advice, Challenge, Column, ConstraintSystem, Expression, FirstPhase, Fixed, Instance, SecondPhase, VirtualCells,
};
use halo2_proofs::poly::Rotation;

/// Fixed columns. Codes are small integers, so that one column selects several gates.
#[derive(Debug, Clone, Copy)]
pub struct FixedColumns {
    /// Zone of the parameter columns: 0 tail, 1 data, 2 padding.
    pub f_zone: Column<Fixed>,
    /// Rows of the sections: 1; of bias blocks and the end block, where folds of units start: 2.
    pub q_section: Column<Fixed>,
    /// Last row of each group of four rows of a section.
    pub q_group: Column<Fixed>,
    /// Last row of each block of a section.
    pub q_block: Column<Fixed>,
    /// Rows of the gaps after a forward section: 1, their first row 2.
    pub q_gap: Column<Fixed>,
    /// Rows of the start gap: 1, its first row 2.
    pub q_start: Column<Fixed>,
    /// Base rows of hidden units.
    pub q_hidden: Column<Fixed>,
    /// Base rows of outputs: 1, of phantom samples 2.
    pub q_output: Column<Fixed>,
    /// Rows of the lookup area.
    pub q_lookup: Column<Fixed>,
    /// Table value plus one.
    pub t_limb: Column<Fixed>,
    /// Bucket rows: 1, the last of each bucket 2.
    pub q_bucket: Column<Fixed>,
    /// Rows of the backward sections (only when the network has three layers or more).
    pub q_backward: Option<Column<Fixed>>,
}

/// Challenges, all drawn after the first phase.
#[derive(Debug, Clone, Copy)]
pub struct Challenges {
    /// Folds samples; its power `R` folds the weights of a row.
    pub theta: Challenge,
    /// Folds updates; its power `R C` folds inputs.
    pub upsilon: Challenge,
    /// LogUp.
    pub alpha: Challenge,
    /// Weighs the state against the dot products.
    pub mu: Challenge,
}

/// Configuration of the training circuit.
#[derive(Debug, Clone)]
pub struct TrainingConfig {
    /// Model columns.
    pub w: Vec<Column<Advice>>,
    /// Data column.
    pub x: Column<Advice>,
    /// Update columns.
    pub d: Vec<Column<Advice>>,
    /// Private first-phase columns.
    pub aux: Vec<Column<Advice>>,
    /// Fold of the inputs.
    pub p2_input: Column<Advice>,
    /// Fold of the update, LogUp sum of the table.
    pub p2_update: Column<Advice>,
    /// Dot products, weight fold and input fold.
    pub p2_dot: Column<Advice>,
    /// Lanes of the second phase.
    pub p2_chain: Vec<Column<Advice>>,
    /// Fixed columns.
    pub fixed: FixedColumns,
    /// Public inputs, see [`crate::instance`].
    pub instance: Column<Instance>,
    /// Challenges.
    pub challenges: Challenges,
    /// Rows that the proving system fills with random values.
    pub blinding_rows: usize,
}

impl TrainingConfig {
    /// Allocates the columns and creates the gates.
    pub fn configure(meta: &mut ConstraintSystem<Fr>, plan: &Plan) -> Self {
        let columns = plan.grid.columns;
        let mut advice = |count: usize| (0..count).map(|_| meta.advice_column()).collect::<Vec<_>>();
        let w = advice(columns);
        let x = advice(1)[0];
        let d = advice(columns);
        let aux = advice(plan.aux_columns);
        let [p2_input, p2_update, p2_dot] = [(); 3].map(|_| meta.advice_column_in(SecondPhase));
        let p2_chain = (0..plan.chain_columns).map(|_| meta.advice_column_in(SecondPhase)).collect();
        let fixed = FixedColumns {
            f_zone: meta.fixed_column(),
            q_section: meta.fixed_column(),
            q_group: meta.fixed_column(),
            q_block: meta.fixed_column(),
            q_gap: meta.fixed_column(),
            q_start: meta.fixed_column(),
            q_hidden: meta.fixed_column(),
            q_output: meta.fixed_column(),
            q_lookup: meta.fixed_column(),
            t_limb: meta.fixed_column(),
            q_bucket: meta.fixed_column(),
            q_backward: (plan.grid.depth() > 2).then(|| meta.fixed_column()),
        };
        let instance = meta.instance_column();
        let challenges = Challenges {
            theta: meta.challenge_usable_after(FirstPhase),
            upsilon: meta.challenge_usable_after(FirstPhase),
            alpha: meta.challenge_usable_after(FirstPhase),
            mu: meta.challenge_usable_after(FirstPhase),
        };
        let mut config = TrainingConfig {
            w,
            x,
            d,
            aux,
            p2_input,
            p2_update,
            p2_dot,
            p2_chain,
            fixed,
            instance,
            challenges,
            blinding_rows: 0,
        };
        super::gates::create(meta, &config, plan);
        config.blinding_rows = meta.blinding_factors() + 1;
        config
    }
}

/// Queries of the gates, by the names of the columns.
pub(super) struct Cells<'a, 'm> {
    pub(super) meta: &'a mut VirtualCells<'m, Fr>,
    pub(super) config: &'a TrainingConfig,
}

impl Cells<'_, '_> {
    pub(super) fn advice(&mut self, column: Column<Advice>, rotation: i32) -> Expression<Fr> {
        self.meta.query_advice(column, Rotation(rotation))
    }

    pub(super) fn fixed(&mut self, column: Column<Fixed>) -> Expression<Fr> {
        self.meta.query_fixed(column, Rotation::cur())
    }

    /// Cell of a first-phase lane, `rows` below its base row.
    pub(super) fn lane(&mut self, lane: Lane, rows: i32) -> Expression<Fr> {
        self.advice(self.config.aux[lane.column], lane.shift + rows)
    }

    /// Cell of a second-phase lane, `rows` below its base row.
    pub(super) fn chain(&mut self, lane: Lane, rows: i32) -> Expression<Fr> {
        self.advice(self.config.p2_chain[lane.column], lane.shift + rows)
    }

    /// Column 0 of the private columns: activations and residuals at their base row.
    pub(super) fn unit(&mut self, rows: i32) -> Expression<Fr> {
        self.advice(self.config.aux[0], rows)
    }

    pub(super) fn challenge(&mut self, challenge: Challenge) -> Expression<Fr> {
        self.meta.query_challenge(challenge)
    }
}
