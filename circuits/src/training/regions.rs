//! Which rows of which columns the training circuit uses, and for what: for drawings and for tests.
//!
//! # Shapes
//! A [`Region`] is a range of rows of one column of `2^k` rows. Advice columns are counted in the order of the proof, fixed
//! columns in the order of the constraint system. Regions of a column may lie inside each other (the rows of a group).
//!
//! # Source
//! Own.

use super::config::TrainingConfig;
use super::fixed as fixed_columns;
use super::plan::{Lane, Plan, STATE_ROW};
use crate::columns::FixedCells;
use crate::grid::TAIL;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Column, ConstraintSystem, Fixed};
use std::collections::BTreeMap;
use std::ops::Range;

/// What a region is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gadget {
    /// Weights, biases and transposed weights of the model.
    Model,
    /// Features and labels.
    Data,
    /// The update.
    Update,
    /// Activations, residuals and signals.
    Unit,
    /// State of the norm, buckets.
    Bucket,
    /// Looked-up limbs and their multiplicities.
    Lookup,
    /// Sign bits.
    Sign,
    /// Largest output, exponentials and sums of a softmax.
    Softmax,
    /// Fold of the inputs.
    InputFold,
    /// Dot products, folds of update, weights and samples.
    Dot,
    /// LogUp sums.
    Sum,
    /// Folds of the units and of their signals, loss.
    UnitFold,
    /// Fixed cells.
    Fixed,
    /// Tail: blinding and spare rows.
    Tail,
}

/// Rows of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Index of the column.
    pub column: usize,
    /// Its rows.
    pub rows: Range<usize>,
    /// What they are for.
    pub gadget: Gadget,
}

/// The regions of all advice columns, and the number of columns.
pub fn advice(plan: &Plan) -> (Vec<Region>, usize) {
    let grid = &plan.grid;
    let slots = grid.column_places();
    let (fine, totals) = if grid.laps > 1 { (grid.width, grid.columns) } else { (0, 0) };
    let (data, update) = (grid.columns, grid.columns + 1);
    let private = update + grid.columns + fine;
    let second = private + plan.aux_columns.div_ceil(slots);
    let columns = second + (2 + totals + plan.chain_columns).div_ceil(slots);
    let sections: Vec<Range<usize>> =
        grid.sections().into_iter().map(|blocks| grid.row(blocks.start)..grid.row(blocks.end)).collect();
    let mut out = Vec::new();
    for (column, first) in (0..grid.width).map(|c| grid.weight_column(c)) {
        for rows in &sections {
            let rows = first + rows.start..first + rows.end;
            out.push(Region { column, rows: rows.clone(), gadget: Gadget::Model });
            out.push(Region { column: update + column, rows, gadget: Gadget::Update });
        }
    }
    for origin in (0..grid.laps).map(|lap| grid.lap(lap)) {
        // A column of `height` rows, by its index among those of its kind, as rows of a column of the circuit.
        let mut put = |begin: usize, index: usize, rows: Range<usize>, gadget: Gadget| {
            let (column, first) = (begin + index / slots, origin + index % slots * grid.height());
            out.push(Region { column, rows: first + rows.start..first + rows.end, gadget });
        };
        for (index, rows) in sections.iter().enumerate() {
            (0..fine).for_each(|c| put(private - fine, c, rows.clone(), Gadget::Model));
            // The folds of the update, of those parts of it that lie in this lap, and of the copies.
            let is_last = index + 1 == sections.len();
            let here = (0..if is_last { 0 } else { grid.width }).map(|c| grid.weight_column(c));
            let here = here.filter(|(_, first)| *first == origin).map(|(column, _)| column);
            let copies = (totals > 0 && is_last && grid.depth() > 1).then_some(0);
            here.filter(|_| totals > 0).chain(copies).for_each(|c| put(second, 2 + c, rows.clone(), Gadget::Dot));
            put(second, 0, rows.clone(), Gadget::InputFold);
            // The chains go on from the group before.
            put(second, 1, rows.start - 4..rows.end, Gadget::Dot);
        }
        put(data, 0, grid.row(grid.input(1, 0))..grid.row(grid.bias(1)), Gadget::Data);
        put(data, 0, grid.row(grid.output(0))..grid.row(grid.stop()), Gadget::Data);
        lanes(plan, origin, &mut |is_private, column, rows, gadget| match is_private {
            true => put(private, column, rows, gadget),
            false => put(second, column + if column < 2 { 0 } else { totals }, rows, gadget),
        });
    }
    out.extend((0..columns).map(|column| Region {
        column,
        rows: grid.rows() - TAIL..grid.rows(),
        gadget: Gadget::Tail,
    }));
    (out, columns)
}

/// The regions of the private columns and of those of the second phase in one lap, apart from the folds of whole sections.
fn lanes(plan: &Plan, origin: usize, put: &mut impl FnMut(bool, usize, Range<usize>, Gadget)) {
    let grid = &plan.grid;
    for l in 1..=grid.depth() {
        put(true, 0, plan.unit_rows(l), Gadget::Unit);
        if l > 1 && l < grid.depth() {
            let first = grid.transposed(l, 0);
            put(true, 0, grid.row(first)..grid.row(first + grid.layers[l]), Gadget::Unit);
        }
        let state = grid.row(grid.gap(l)) + STATE_ROW;
        put(true, 0, state..state + 1, Gadget::Bucket);
    }
    // The norm's bucket is in the last lap, the loss's and the tables are in the first.
    let (norm, loss) = plan.buckets();
    if origin == grid.lap(grid.laps - 1) {
        put(true, 0, norm, Gadget::Bucket);
    }
    if origin == 0 {
        put(true, 0, loss, Gadget::Bucket);
        let table = plan.table_row..plan.exponential_rows().end;
        put(true, 0, table.clone(), Gadget::Lookup);
        put(false, 0, table.start - 1..table.end, Gadget::Sum);
    }
    let area = &plan.area;
    for (sum, limbs) in area.columns.clone().enumerate() {
        put(true, limbs, area.rows.clone(), Gadget::Lookup);
        put(false, 2 + sum, area.rows.clone(), Gadget::Sum);
    }
    let units = grid.row(grid.bias(1))..grid.row(grid.stop() + 1);
    let lane = |lane: Lane| (lane.column, lane.at(units.start)..lane.at(units.end));
    for part in plan.relu.iter().chain([&plan.signal]) {
        let (column, rows) = lane(part.below);
        put(true, column, rows, Gadget::Sign);
    }
    if let Some(s) = &plan.softmax {
        // What names the largest output lies where a sign is on other rows, if there is one.
        let own = plan.relu.is_none().then_some(s.hot);
        for (column, rows) in [s.max, s.count, s.exp, s.partial, s.sum].into_iter().chain(own).map(lane) {
            put(true, column, rows, Gadget::Softmax);
        }
    }
    let folds = [plan.pre_fold, plan.signal_fold, plan.loss_fold];
    for fold in folds.into_iter().chain(plan.softmax.as_ref().map(|softmax| softmax.looked_up)) {
        let (column, rows) = lane(fold);
        put(false, 2 + column, rows, Gadget::UnitFold);
    }
}

/// Runs of non-zero cells of the fixed columns, at most a block apart, and the number of columns.
pub fn fixed(plan: &Plan) -> (Vec<Region>, usize) {
    let mut cs = ConstraintSystem::<Fr>::default();
    let config = TrainingConfig::configure(&mut cs, plan);
    let mut rows: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut put = |column: Column<Fixed>, row, _| rows.entry(column.index()).or_default().push(row);
    fixed_columns::cells(&config, plan, &mut FixedCells::new(&mut put));
    let mut out = Vec::new();
    for (column, mut rows) in rows {
        rows.sort_unstable();
        let mut runs: Vec<Range<usize>> = Vec::new();
        for row in rows {
            match runs.last_mut() {
                Some(run) if row <= run.end + plan.grid.rows_per_block => run.end = row + 1,
                _ => runs.push(row..row + 1),
            }
        }
        out.extend(runs.into_iter().map(|rows| Region { column, rows, gadget: Gadget::Fixed }));
    }
    (out, cs.num_fixed_columns())
}
