//! Columns and challenges of the round circuit.
//!
//! | column | phase | content |
//! |---|---|---|
//! | `w` (C) | 1, committed, public | the round's model, see [`crate::grid`] |
//! | `s` (C) | 1, committed, hiding, additive | the sum of the updates |
//! | `next` (C) | 1, committed, public | the next model |
//! | `claims` | 1 | the number of claims, on every row of the area |
//! | `counts` | 1 | multiplicities beside the table |
//! | `low`, `high`, `under`, `over`, `excess`, `weight` (C each) | 1 | parts of the remainder and of the next weight |
//! | `p2_sums` | 2 | one LogUp sum for each lookup of a row |
//! | `p2_table` | 2 | LogUp sum of the table |
//! | `p2_fold`, `p2_turn` | 2 | folds of weights and of their transposed copies; only with a hidden layer |
//!
//! The committed columns come first, so their commitments are the first points of a proof.

use super::plan::RoundPlan;
use crate::columns::FixedCells;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Advice, Challenge, Column, ConstraintSystem, FirstPhase, Fixed, Instance, SecondPhase};

/// Private columns beside one weight column.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Low part of the remainder.
    pub low: Column<Advice>,
    /// High part of the remainder, signed.
    pub high: Column<Advice>,
    /// Distance of the high part from its lower end.
    pub under: Column<Advice>,
    /// Distance of the high part from its upper end.
    pub over: Column<Advice>,
    /// What both distances have beyond their limb.
    pub excess: Vec<Column<Advice>>,
    /// Low limb of the next weight.
    pub weight: Column<Advice>,
}

impl Parts {
    /// All columns, in the order of the witness.
    pub fn columns(&self) -> impl Iterator<Item = Column<Advice>> + '_ {
        [self.low, self.high, self.under, self.over].into_iter().chain(self.excess.iter().copied()).chain([self.weight])
    }
}

/// Configuration of the round circuit.
#[derive(Debug, Clone)]
pub struct RoundConfig {
    /// Model columns.
    pub w: Vec<Column<Advice>>,
    /// Columns of the sum.
    pub s: Vec<Column<Advice>>,
    /// Columns of the next model.
    pub next: Vec<Column<Advice>>,
    /// The number of claims.
    pub claims: Column<Advice>,
    /// Multiplicities.
    pub counts: Column<Advice>,
    /// Private cells, for each weight column.
    pub parts: Vec<Parts>,
    /// LogUp sums of the lookups.
    pub p2_sums: Vec<Column<Advice>>,
    /// LogUp sum of the table.
    pub p2_table: Column<Advice>,
    /// Folds over the cells of the next model, and over the blocks of its transposed weights.
    pub p2_folds: Option<[Column<Advice>; 2]>,
    /// Zone of the parameter columns: 0 tail, 1 data, 2 padding.
    pub f_zone: Column<Fixed>,
    /// Rows of the area.
    pub q_area: Column<Fixed>,
    /// Rows of weights and biases, transposed copies not included.
    pub q_weight: Column<Fixed>,
    /// Rows of weights that have a transposed copy: 1; rows of the copies: 2.
    pub q_fold: Column<Fixed>,
    /// Last row of each block of transposed weights: 1; row 0: 2.
    pub q_block: Column<Fixed>,
    /// Table value plus one.
    pub t_limb: Column<Fixed>,
    /// Public inputs, see [`crate::instance`].
    pub instance: Column<Instance>,
    /// LogUp challenge.
    pub alpha: Challenge,
    /// Challenge of the folds.
    pub tau: Challenge,
}

impl RoundConfig {
    /// Allocates the columns and challenges.
    pub fn configure(meta: &mut ConstraintSystem<Fr>, plan: &RoundPlan) -> Self {
        let columns = plan.grid.columns;
        let mut advice = |count: usize| (0..count).map(|_| meta.advice_column()).collect::<Vec<_>>();
        let (w, s, next) = (advice(columns), advice(columns), advice(columns));
        let (claims, counts) = (advice(1)[0], advice(1)[0]);
        let mut parts = || Parts {
            low: advice(1)[0],
            high: advice(1)[0],
            under: advice(1)[0],
            over: advice(1)[0],
            excess: advice(plan.excess),
            weight: advice(1)[0],
        };
        let parts = (0..columns).map(|_| parts()).collect();
        let mut second = || meta.advice_column_in(SecondPhase);
        let p2_sums = (0..columns * plan.lookups()).map(|_| second()).collect();
        let p2_table = second();
        let p2_folds = (plan.grid.depth() > 1).then(|| [second(), second()]);
        RoundConfig {
            w,
            s,
            next,
            claims,
            counts,
            parts,
            p2_sums,
            p2_table,
            p2_folds,
            f_zone: meta.fixed_column(),
            q_area: meta.fixed_column(),
            q_weight: meta.fixed_column(),
            q_fold: meta.fixed_column(),
            q_block: meta.fixed_column(),
            t_limb: meta.fixed_column(),
            instance: meta.instance_column(),
            alpha: meta.challenge_usable_after(FirstPhase),
            tau: meta.challenge_usable_after(FirstPhase),
        }
    }

    /// First-phase columns, in the order of the witness.
    pub(super) fn first_phase(&self) -> impl Iterator<Item = Column<Advice>> + '_ {
        let committed = self.w.iter().chain(&self.s).chain(&self.next).copied();
        committed.chain([self.claims, self.counts]).chain(self.parts.iter().flat_map(Parts::columns))
    }

    /// Second-phase columns, in the order of the witness.
    pub(super) fn second_phase(&self) -> impl Iterator<Item = Column<Advice>> + '_ {
        self.p2_sums.iter().copied().chain([self.p2_table]).chain(self.p2_folds.into_iter().flatten())
    }
}

/// Every non-zero fixed cell: column, row, value.
pub(super) fn fixed_cells(config: &RoundConfig, plan: &RoundPlan, out: &mut FixedCells<'_>) {
    let grid = &plan.grid;
    // Keygen refuses fixed cells in blinding rows, so the tail is left unassigned: zero.
    for (row, zone) in grid.parameter_zones().into_iter().enumerate() {
        if zone.code() != 0 {
            out.push((config.f_zone, row, zone.code()));
        }
    }
    out.extend(plan.area().map(|row| (config.q_area, row, 1)));
    out.extend(plan.parameter_rows().into_iter().map(|row| (config.q_weight, row, 1)));
    out.push((config.q_block, 0, 2));
    for l in 2..=grid.depth() {
        out.extend(plan.forward(l).map(|row| (config.q_fold, row, 1)));
        let copies = plan.transposed(l);
        out.extend(copies.clone().map(|row| (config.q_fold, row, 2)));
        let ends = copies.skip(grid.rows_per_block - 1).step_by(grid.rows_per_block);
        out.extend(ends.map(|row| (config.q_block, row, 1)));
    }
    out.extend((0..1usize << plan.limb_bits).map(|value| (config.t_limb, plan.table() + value, value as u64 + 1)));
}
