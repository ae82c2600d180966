//! Columns and challenges of the training circuit.
//!
//! | column | phase | content |
//! |---|---|---|
//! | `w` (C) | 1, committed, public | model: weights, biases, transposed weights; tail 1 |
//! | `x` | 1, committed, hiding | features and one-hot labels |
//! | `d` (C) | 1, committed, hiding, additive | update |
//! | `v` (C) | 1 | with several laps: the weights that a step starts from, at the fine scale |
//! | `aux` | 1 | column 0: activations, residuals, state at the gaps, multiplicities; lookup area; sign bits |
//! | `p2_input` | 2 | fold of the inputs over blocks; LogUp sum of the table |
//! | `p2_dot` | 2 | in each four rows: dot products and norm, update fold, weight fold, input fold |
//! | `p2_total` | 2 | with several laps: fold of the update; folds of the transposed weights |
//! | `p2_chain` | 2 | LogUp sums beside the lookup area; lanes: folds of the units, loss |
//!
//! The committed columns come first, so their commitments are the first points of a proof.
//!
//! # Stacked columns
//! Every gate is planned for columns of `2^(k - stack_bits)` rows. A [`Place`] says where such a column lies: below the
//! others of its kind (`w`, `d`, `aux`, the second phase), `2^stack_bits` of them in one column of `2^k` rows. Gates are
//! enabled in the first `2^(k - stack_bits)` rows and read a place at its rotation plus the place's first row.
//!
//! # Laps
//! The `E` steps of a run lie below each other in all columns but those of model and update, step `e` in the `H = 2^k / E` rows from `e H`
//! on: lap `e`. Gates of a step are enabled in every lap. Weight column `c` of model and update lies in lap `c mod E` of committed column
//! `c / E`; a gate reads it from another lap at the rotation between the two. The rotation `H` leads from a lap to the next and from the
//! last one to the first.
//!
//! ```text
//!            w             d             v                   x, aux, p2
//! lap 0      column 0      column 0      V(0) = 2^s W        step 0, table
//! lap 1      column 1      column 1      V(1)                step 1
//! ...        ...           ...           ...                 ...
//! lap E-1    column E-1    column E-1    V(E-1)              step E-1, the norm's bucket
//! ```

use super::plan::{Lane, Plan};
use crate::expr::constant;
use crate::grid::Grid;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{
    Advice, Challenge, Column, ConstraintSystem, Expression, FirstPhase, Fixed, Instance, SecondPhase, VirtualCells,
};
use halo2_proofs::poly::Rotation;

/// Fixed columns. Codes are small integers, so that one column selects several gates.
#[derive(Debug, Clone, Copy)]
pub struct FixedColumns {
    /// Rows of the sections: 1. Bucket rows, which lie in a gap: 1, the last of each bucket 2.
    pub q_section: Column<Fixed>,
    /// Last row of each group of four rows of a section.
    pub q_group: Column<Fixed>,
    /// Last row of each block of a section.
    pub q_block: Column<Fixed>,
    /// Rows of the gaps after a forward section.
    pub q_gap: Column<Fixed>,
    /// Rows of the start gap: 1, row 0: 2. Bias blocks and the end block, where folds of units start: 1. First row
    /// of each gap: 1.
    pub q_edge: Column<Fixed>,
    /// Base rows of hidden units.
    pub q_hidden: Column<Fixed>,
    /// Base rows of outputs: 1, of phantom samples 2.
    pub q_output: Column<Fixed>,
    /// Rows of the lookup area.
    pub q_lookup: Column<Fixed>,
    /// Table value plus one; on the rows after the table 1, and where a stacked column's tail is, one more than any value's.
    pub t_limb: Column<Fixed>,
    /// Value of the exponential beside its argument (only with a softmax).
    pub t_exp: Option<Column<Fixed>>,
    /// Rows of the backward sections (only when the network has three layers or more).
    pub q_backward: Option<Column<Fixed>>,
}

/// Where a column of `2^(k - stack_bits)` rows lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The column of `2^k` rows.
    pub column: Column<Advice>,
    /// Its row that is row 0 of the place.
    pub first: i32,
}

/// Columns of a run of several steps.
#[derive(Debug, Clone)]
pub struct LapColumns {
    /// Fine weights, one column for each weight column.
    pub v: Vec<Place>,
    /// Fold of the update, one column for each committed one; in the first, beside the copies, their folds.
    pub p2_total: Vec<Place>,
    /// 1 on row 0, in the first lap's sections, and on the first row of each gap of the last lap.
    pub q_lap: Column<Fixed>,
    /// Zone of the update columns: 0 tail, 1 data, 2 padding.
    pub f_update: Column<Fixed>,
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
    /// Columns of the first phase, in the order of the proof.
    pub first_phase: Vec<Column<Advice>>,
    /// Columns of the second phase, in the order of the proof.
    pub second_phase: Vec<Column<Advice>>,
    /// Model columns.
    pub w: Vec<Place>,
    /// Data column.
    pub x: Place,
    /// Update columns.
    pub d: Vec<Place>,
    /// Places of the update's columns that hold no update. With laps the update's zone has them.
    pub idle: Vec<Place>,
    /// What runs of several steps have.
    pub laps: Option<LapColumns>,
    /// Private first-phase columns.
    pub aux: Vec<Place>,
    /// Fold of the inputs, LogUp sum of the table.
    pub p2_input: Place,
    /// Dot products, update fold, weight fold and input fold.
    pub p2_dot: Place,
    /// Lanes of the second phase.
    pub p2_chain: Vec<Place>,
    /// Fixed columns.
    pub fixed: FixedColumns,
    /// Public inputs, see [`crate::instance`].
    pub instance: Column<Instance>,
    /// Challenges.
    pub challenges: Challenges,
}

impl TrainingConfig {
    /// Allocates the columns and challenges.
    pub fn configure(meta: &mut ConstraintSystem<Fr>, plan: &Plan) -> Self {
        let grid = &plan.grid;
        let has_laps = grid.laps > 1;
        let (places, slots) = (1 << grid.stack_bits, grid.column_places());
        let mut first_phase = Vec::new();
        let mut first = |slots, count| stack(grid, slots, count, &mut first_phase, &mut || meta.advice_column());
        let w = first(places, grid.width);
        let x = first(slots, 1)[0];
        let mut d = first(places, grid.width.next_multiple_of(places));
        let idle = d.split_off(grid.width);
        let idle = if has_laps { Vec::new() } else { idle };
        let v = first(1, if has_laps { grid.width } else { 0 });
        let aux = first(slots, plan.aux_columns);
        let mut second_phase = Vec::new();
        let totals = if has_laps { grid.columns } else { 0 };
        let count = 2 + totals + plan.chain_columns;
        let mut p2_chain = stack(grid, slots, count, &mut second_phase, &mut || meta.advice_column_in(SecondPhase));
        let p2_input = p2_chain.remove(0);
        let p2_dot = p2_chain.remove(0);
        let p2_total = p2_chain.drain(..totals).collect();
        let laps =
            has_laps.then(|| LapColumns { v, p2_total, q_lap: meta.fixed_column(), f_update: meta.fixed_column() });
        let fixed = FixedColumns {
            q_section: meta.fixed_column(),
            q_group: meta.fixed_column(),
            q_block: meta.fixed_column(),
            q_gap: meta.fixed_column(),
            q_edge: meta.fixed_column(),
            q_hidden: meta.fixed_column(),
            q_output: meta.fixed_column(),
            q_lookup: meta.fixed_column(),
            t_limb: meta.fixed_column(),
            t_exp: plan.softmax.as_ref().map(|_| meta.fixed_column()),
            q_backward: (plan.grid.depth() > 2).then(|| meta.fixed_column()),
        };
        let instance = meta.instance_column();
        let challenges = Challenges {
            theta: meta.challenge_usable_after(FirstPhase),
            upsilon: meta.challenge_usable_after(FirstPhase),
            alpha: meta.challenge_usable_after(FirstPhase),
            mu: meta.challenge_usable_after(FirstPhase),
        };
        TrainingConfig {
            first_phase,
            second_phase,
            w,
            x,
            d,
            idle,
            laps,
            aux,
            p2_input,
            p2_dot,
            p2_chain,
            fixed,
            instance,
            challenges,
        }
    }
}

/// The places of `count` columns, `slots` of them below each other, and the new columns that hold them.
fn stack(
    grid: &Grid,
    slots: usize,
    count: usize,
    columns: &mut Vec<Column<Advice>>,
    new: &mut impl FnMut() -> Column<Advice>,
) -> Vec<Place> {
    let mut places = Vec::with_capacity(count);
    for index in 0..count {
        if index % slots == 0 {
            columns.push(new());
        }
        let first = (index % slots * grid.height()) as i32;
        places.extend(columns.last().map(|column| Place { column: *column, first }));
    }
    places
}

/// Selectors of the rows that single fixed columns do not tell apart. With `s` = `q_section`, `g` = `q_gap`, `e` = `q_edge`:
/// bucket rows are those with both `s` and `g`, edges are told apart by what else their rows are.
pub(super) struct Selectors {
    /// Rows of the sections, 1: `s (1 - g)`.
    pub(super) section: Expression<Fr>,
    /// Bias blocks and the end block, 1: `s e`.
    pub(super) stop: Expression<Fr>,
    /// Rows of the start gap: `e (1 - s - g)`.
    pub(super) start: Expression<Fr>,
    /// Row 0 of each lap, 2: `e (e - 1)`.
    pub(super) zero: Expression<Fr>,
    /// Rows of the gaps.
    pub(super) gap: Expression<Fr>,
    /// First row of each gap: `g e`.
    pub(super) head: Expression<Fr>,
    /// Bucket rows but the last of each: `s (g + 1 - s)`.
    pub(super) bucket: Expression<Fr>,
    /// Last row of each bucket: `s (s - 1)`.
    pub(super) bucket_last: Expression<Fr>,
}

/// Selectors of single laps. With `l` = `q_lap`, and `s`, `g` and `zero` as in [`Selectors`].
pub(super) struct LapSelectors {
    /// Row 0, 2: `2 l (1 - s - g)`.
    pub(super) first: Expression<Fr>,
    /// Row 0 of each lap but the first, 2: what is left of `zero`.
    pub(super) later: Expression<Fr>,
    /// Sections of the first lap, 1: `l s`.
    pub(super) model: Expression<Fr>,
    /// First row of each gap of the last lap, 1: `l g`.
    pub(super) last: Expression<Fr>,
}

/// Queries of the gates, by the names of the columns.
pub(super) struct Cells<'a, 'm> {
    pub(super) meta: &'a mut VirtualCells<'m, Fr>,
    pub(super) config: &'a TrainingConfig,
}

impl Cells<'_, '_> {
    pub(super) fn advice(&mut self, place: Place, rotation: i32) -> Expression<Fr> {
        self.meta.query_advice(place.column, Rotation(place.first + rotation))
    }

    pub(super) fn selectors(&mut self) -> Selectors {
        let s = self.fixed(self.config.fixed.q_section);
        let g = self.fixed(self.config.fixed.q_gap);
        let e = self.fixed(self.config.fixed.q_edge);
        let one = || constant(1);
        Selectors {
            section: s.clone() * (one() - g.clone()),
            stop: s.clone() * e.clone(),
            start: e.clone() * (one() - s.clone() - g.clone()),
            zero: e.clone() * (e.clone() - one()),
            head: g.clone() * e,
            bucket: s.clone() * (g.clone() + one() - s.clone()),
            bucket_last: s.clone() * (s - one()),
            gap: g,
        }
    }

    pub(super) fn lap_selectors(&mut self, laps: &LapColumns) -> LapSelectors {
        let s = self.fixed(self.config.fixed.q_section);
        let g = self.fixed(self.config.fixed.q_gap);
        let l = self.fixed(laps.q_lap);
        let zero = self.selectors().zero;
        let first = l.clone() * (constant(1) - s.clone() - g.clone()) * Fr::from(2);
        LapSelectors { later: zero - first.clone(), first, model: l.clone() * s, last: l * g }
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
