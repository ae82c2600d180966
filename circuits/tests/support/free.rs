//! Cells that carry nothing, each with the reason: the only ones a prover may choose freely.
//!
//! A cell is free unless a chain, a table, a unit or a zone uses it; the functions here say so from the
//! plans, independently of the gates.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use zkpoc_circuits::audit::Cell;
use zkpoc_circuits::dataset::DatasetPlan;
use zkpoc_circuits::grid::TAIL;
use zkpoc_circuits::round::RoundPlan;
use zkpoc_circuits::training::plan::{Lane, STATE_ROW};
use zkpoc_circuits::training::Plan;

/// Why a cell is free.
pub(crate) type Reason = &'static str;

const TAIL_BLINDS: Reason = "tail of a hiding committed column: blinding";
const START_CANCELS: Reason = "start of a fold: it cancels in a difference";
const UNCOUNTED: Reason = "after the table: summed up, but the sum there is not read";
const NO_WEIGHTS: Reason = "fine weights of a block without weights: no product with them is read";
pub(crate) const UNUSED: Reason = "no constraint reads it";

/// The free cells of a circuit by reason.
pub(crate) struct Free {
    pub(crate) first: BTreeMap<Reason, BTreeSet<Cell>>,
    pub(crate) second: BTreeMap<Reason, BTreeSet<Cell>>,
}

impl Free {
    fn of(
        columns: (Range<usize>, Range<usize>),
        rows: usize,
        starts: &BTreeSet<Cell>,
        reason: impl Fn(usize, usize) -> Option<Reason>,
    ) -> Self {
        let collect = |columns: Range<usize>| {
            let mut out: BTreeMap<Reason, BTreeSet<Cell>> = BTreeMap::new();
            for cell in columns.flat_map(|column| (0..rows).map(move |row| (column, row))) {
                let start = starts.contains(&cell).then_some(START_CANCELS);
                if let Some(reason) = start.or_else(|| reason(cell.0, cell.1)) {
                    out.entry(reason).or_default().insert(cell);
                }
            }
            out
        };
        Free { first: collect(columns.0), second: collect(columns.1) }
    }

    pub(crate) fn all(&self) -> BTreeSet<Cell> {
        self.first.values().chain(self.second.values()).flatten().copied().collect()
    }
}

/// Columns of the training circuit: of the committed ones how many, the first private one, the first of the second phase, all.
pub(crate) struct TrainingColumns {
    pub(crate) fine: usize,
    pub(crate) aux: usize,
    pub(crate) second: usize,
    pub(crate) chain: usize,
    pub(crate) end: usize,
}

pub(crate) fn training_columns(plan: &Plan) -> TrainingColumns {
    let grid = &plan.grid;
    let slots = grid.column_places();
    let (width, totals) = if grid.laps > 1 { (grid.width, grid.columns) } else { (0, 0) };
    let fine = 2 * grid.columns + 1;
    let aux = fine + width;
    let second = aux + plan.aux_columns.div_ceil(slots);
    let end = second + (2 + totals + plan.chain_columns).div_ceil(slots);
    TrainingColumns { fine, aux, second, chain: 2 + totals, end }
}

/// Free cells of the training circuit.
pub(crate) fn training(plan: &Plan) -> Free {
    let grid = &plan.grid;
    let slots = grid.column_places();
    let columns = training_columns(plan);
    let TrainingColumns { fine, aux, second, chain, end } = columns;
    Free::of((grid.columns..second, second..end), grid.rows(), &training_starts(plan), |column, row| {
        if column < fine {
            return (row >= grid.rows() - TAIL).then_some(TAIL_BLINDS);
        }
        let (lap, in_lap) = (row / grid.height(), row % grid.height());
        if column < aux {
            return training_fine(plan, lap, in_lap);
        }
        // Which of the columns below each other.
        let begin = if column < second { aux } else { second };
        let index = (column - begin) * slots + if grid.laps > 1 { 0 } else { lap };
        let lap = if grid.laps > 1 { lap } else { 0 };
        match (column < second, index) {
            (true, aux) if aux < plan.aux_columns => training_aux(plan, aux, lap, in_lap),
            (false, fold) if fold < 2 => training_folds(plan, fold, lap, in_lap),
            (false, total) if total < chain => training_total(plan, total - 2, in_lap),
            (false, sum) if sum - chain < plan.chain_columns => training_chain(plan, sum - chain, in_lap),
            _ => Some(UNUSED),
        }
    })
}

/// Fine weights: the first are the model's, the others those before less what they change, and copies are their weights.
fn training_fine(plan: &Plan, lap: usize, row: usize) -> Option<Reason> {
    let grid = &plan.grid;
    let block = row / grid.rows_per_block;
    let Some(section) = grid.sections().into_iter().find(|section| section.contains(&block)) else {
        return Some(UNUSED);
    };
    let copies =
        (2..=grid.depth()).any(|l| (grid.transposed(l, 0)..grid.transposed(l, 0) + grid.layers[l]).contains(&block));
    (lap > 0 && section.start == grid.output(0) && !copies).then_some(NO_WEIGHTS)
}

/// Folds of the update and of the copies.
fn training_total(plan: &Plan, total: usize, row: usize) -> Option<Reason> {
    let grid = &plan.grid;
    let (block, at) = (row / grid.rows_per_block, row % grid.rows_per_block);
    let section = grid.sections().into_iter().find(|section| section.contains(&block));
    let used = match section {
        None => (0..=grid.depth()).any(|l| grid.gap(l) == block) && at + 1 == grid.rows_per_block,
        Some(section) if section.start < grid.output(0) => row % 4 == 3,
        Some(_) => total == 0 && grid.depth() > 1 && (row % 4 == 3 || at + 2 == grid.rows_per_block),
    };
    (!used).then_some(UNUSED)
}

/// A first-phase column of the training circuit after the committed ones.
pub(crate) fn training_aux(plan: &Plan, aux: usize, lap: usize, row: usize) -> Option<Reason> {
    let grid = &plan.grid;
    let (first, last) = (lap == 0, lap + 1 == grid.laps);
    let block = |block: usize| grid.row(block)..grid.row(block + 1);
    let table = plan.table_row..plan.table_row + (1 << plan.profile.limb_bits) + plan.exponentials.len();
    let hidden = |row: usize| (1..grid.depth()).any(|l| plan.unit_rows(l).contains(&row));
    let outputs = |row: usize| plan.unit_rows(grid.depth()).contains(&row);
    let backward = |row: usize| {
        (2..grid.depth()).any(|l| (0..grid.layers[l]).any(|k| block(grid.transposed(l, k)).contains(&row)))
    };
    let state = |row: usize| (1..=grid.depth()).any(|l| grid.row(grid.gap(l)) + STATE_ROW == row);
    let buckets = plan.buckets();
    let unit = first && table.contains(&row) || hidden(row) || outputs(row) || backward(row) || state(row);
    if aux == 0 && (unit || last && buckets.0.contains(&row) || first && buckets.1.contains(&row)) {
        return None;
    }
    if plan.area.columns.contains(&aux) && plan.area.rows.contains(&row) {
        return None;
    }
    // Signs, where a unit is rounded.
    let sign = |lane: Lane, rows: &dyn Fn(usize) -> bool| {
        lane.column == aux && (0..grid.row(grid.stop() + 1)).any(|base| rows(base) && lane.at(base) == row)
    };
    let relu = plan.relu.as_ref().is_some_and(|relu| sign(relu.below, &hidden));
    // Beside the first unit after a gap and in the end block some cells of a softmax go on.
    let softmax = plan.softmax.as_ref().is_some_and(|s| {
        let end = |base: usize| block(grid.stop()).contains(&base);
        let stop = |base: usize| end(base) || (1..=grid.depth()).any(|l| block(grid.bias(l)).contains(&base));
        let first = |base: usize| (1..grid.depth()).any(|l| block(grid.input(l + 1, 0)).contains(&base));
        sign(s.hot, &outputs)
            || sign(s.exp, &outputs)
            || sign(s.max, &|base| outputs(base) || end(base))
            || sign(s.sum, &|base| outputs(base) || end(base) || first(base))
            || sign(s.count, &|base| outputs(base) || stop(base) || first(base))
            || sign(s.partial, &|base| outputs(base) || stop(base) || hidden(base))
    });
    let residual = plan.softmax.is_none();
    let used = relu || softmax || sign(plan.signal.below, &|base| hidden(base) || residual && outputs(base));
    let rest = plan.table_row..plan.table_row + plan.table_codes().count();
    let reason = if aux == 0 && rest.contains(&row) { UNCOUNTED } else { UNUSED };
    (!used).then_some(reason)
}

/// Fold of the inputs and the table's sum; dot chain and folds of update, weights and samples.
fn training_folds(plan: &Plan, column: usize, lap: usize, row: usize) -> Option<Reason> {
    let grid = &plan.grid;
    let end = grid.row(grid.end());
    let rest_end = plan.table_row + plan.table_codes().count();
    match column {
        0 if lap > 0 => (row >= end).then_some(UNUSED),
        0 => (row >= rest_end || (row >= end && row + 1 < plan.table_row)).then_some(UNUSED),
        _ => {
            // The dot chain and the fold of the update go on from the group before a section.
            let before =
                |row: usize| row % 4 < 2 && grid.sections().iter().any(|s| grid.row(s.start) == row - row % 4 + 4);
            let used = grid.sections().into_iter().any(|s| (grid.row(s.start)..grid.row(s.end)).contains(&row));
            // With laps the last section has no fold of the update.
            let update = grid.laps > 1 && row % 4 == 1 && row + 4 > grid.row(grid.output(0));
            let gap = update && row < grid.row(grid.output(0));
            (!used && !before(row) || update && !gap).then_some(UNUSED)
        }
    }
}

/// LogUp sums and lanes.
fn training_chain(plan: &Plan, column: usize, row: usize) -> Option<Reason> {
    let grid = &plan.grid;
    let sums = plan.area.columns.len();
    let before = if grid.laps > 1 { grid.rows_per_block - 1..grid.rows_per_block } else { 0..grid.rows_per_block };
    let start = column + 1 == sums && before.contains(&row);
    if start || column < sums && plan.area.rows.contains(&row) {
        return None;
    }
    let block = |block: usize| grid.row(block)..grid.row(block + 1);
    let units = |base: usize| (1..=grid.depth()).any(|l| plan.unit_rows(l).contains(&base));
    let stop = |base: usize| {
        (1..=grid.depth()).any(|l| block(grid.bias(l)).contains(&base)) || block(grid.stop()).contains(&base)
    };
    // With laps the sums over outputs end in one row, and so do the folds of back-propagated sums.
    let last = |base: usize| base == grid.row(grid.stop());
    let ended = |base: usize| match grid.laps {
        1 => stop(base),
        _ => last(base) || (2..=grid.depth()).any(|l| base == grid.row(grid.bias(l))),
    };
    let gap = |base: usize| (1..=grid.depth()).any(|l| block(grid.gap(l)).contains(&base));
    let on = |lane: Lane, rows: &dyn Fn(usize) -> bool| {
        lane.column == column && (0..grid.row(grid.end())).any(|base| rows(base) && lane.at(base) == row)
    };
    let used = on(plan.pre_fold, &|base| units(base) || stop(base) || gap(base))
        || on(plan.signal_fold, &|base| units(base) || stop(base))
        || on(plan.loss_fold, &|base| units(base) || ended(base))
        || plan.softmax.as_ref().is_some_and(|softmax| {
            on(softmax.looked_up, &|base| {
                plan.unit_rows(grid.depth()).contains(&base) || if grid.laps > 1 { last(base) } else { stop(base) }
            })
        });
    (!used).then_some(UNUSED)
}

/// Free cells of the dataset circuit.
pub(crate) fn dataset(plan: &DatasetPlan) -> Free {
    let grid = &plan.grid;
    let (height, labels) = (grid.height(), grid.layers[grid.depth()]);
    let in_lap = |row: usize| (row < grid.laps * height).then_some(row % height);
    let records = |row: usize, block: usize| {
        in_lap(row).is_some_and(|row| (grid.row(block)..grid.row(block) + grid.batch).contains(&row))
    };
    let label =
        |row: usize| row >= plan.label_shift && (0..labels).any(|k| records(row - plan.label_shift, grid.output(k)));
    let feature =
        |row: usize| in_lap(row).is_some_and(|row| (1..=grid.layers[0]).contains(&(row / grid.rows_per_block)));
    let (table, limbs) = (plan.table(), plan.order_rows());
    let sum_end = limbs.end;
    let compared = grid.batch * grid.laps > 1;
    let last = grid.layers[0];
    let order = |row: usize| {
        let keys = records(row, last) || records(row + 1, last);
        // The sum of the keys in order begins as many rows before the smallest as there are limbs.
        let before = limbs.start - 1 - plan.limbs;
        let sorted = row >= before && row < limbs.end && (row - before).is_multiple_of(plan.limbs);
        compared && (keys || sorted)
    };
    Free::of((0..3, 3..5), grid.rows(), &BTreeSet::new(), |column, row| match column {
        0 => (row >= grid.rows() - TAIL).then_some(TAIL_BLINDS),
        1 => (!label(row) && !(table..sum_end).contains(&row)).then_some(UNUSED),
        2 => (!(feature(row) || compared && (limbs.start - 1..limbs.end).contains(&row))).then_some(UNUSED),
        3 => (!(grid.rows_per_block - 1..sum_end).contains(&row)).then_some(UNUSED),
        _ => (!order(row)).then_some(UNUSED),
    })
}

/// Free cells of the round circuit.
pub(crate) fn round(plan: &RoundPlan) -> Free {
    let grid = &plan.grid;
    let c = grid.columns;
    let area = plan.area();
    let parts = plan.private_cells();
    let sums = c * plan.lookups();
    let first = 3 * c + 2 + c * parts;
    let weight: BTreeSet<usize> = plan.parameter_rows().into_iter().collect();
    let hidden = grid.depth() > 1;
    Free::of(
        (c..first, first..first + sums + 1 + if hidden { 2 } else { 0 }),
        grid.rows(),
        &round_starts(plan),
        |column, row| {
            let table_end = plan.table() + (1 << plan.limb_bits);
            if column < 2 * c {
                return (row >= grid.rows() - TAIL).then_some(TAIL_BLINDS);
            }
            if column < 3 * c {
                return None;
            }
            if column == 3 * c {
                return (!(area.start - 1..area.end).contains(&row)).then_some(UNUSED);
            }
            if column == 3 * c + 1 {
                return (!(plan.table()..table_end).contains(&row)).then_some(UNUSED);
            }
            if column < first {
                let at = column - 3 * c - 2;
                // The high part is the only one that is not looked up.
                let high = at % parts == 1;
                let used = if high { weight.contains(&row) } else { area.contains(&row) };
                return (!used).then_some(UNUSED);
            }
            let second = column - first;
            if second < sums {
                let start = if second + 1 == sums { area.start - 1 } else { area.start };
                return (!(start..area.end).contains(&row)).then_some(UNUSED);
            }
            if second == sums {
                return (!(plan.table() - 1..table_end).contains(&row)).then_some(UNUSED);
            }
            round_fold(plan, second - sums - 1, row)
        },
    )
}

fn round_fold(plan: &RoundPlan, fold: usize, row: usize) -> Option<Reason> {
    let rows = plan.grid.rows_per_block;
    let mut out = Some(UNUSED);
    for l in 2..=plan.grid.depth() {
        let (weights, copies) = (plan.forward(l), plan.transposed(l));
        if fold == 0 && (weights.contains(&row) || copies.contains(&row)) {
            out = None;
        }
        if fold == 1 && copies.contains(&row) && (row + 1 - copies.start).is_multiple_of(rows) {
            out = None;
        }
    }
    out
}

/// Starts of folds, which cancel in differences: the only second-phase cells that are read and not computed.
pub(crate) fn training_starts(plan: &Plan) -> BTreeSet<Cell> {
    let (grid, slots) = (&plan.grid, plan.grid.column_places());
    let second = training_columns(plan).second;
    let dot = second + 1 / slots;
    let begin = 1 % slots * grid.height();
    let mut out = BTreeSet::new();
    for origin in (0..grid.laps).map(|lap| grid.lap(lap)) {
        for start in grid.sections().into_iter().map(|section| origin + begin + grid.row(section.start)) {
            out.extend([(dot, start - 1), (dot, start - 2)]);
        }
        if grid.laps > 1 && grid.depth() > 1 {
            out.insert((second + 2, origin + grid.row(grid.output(0)) - 2));
        }
    }
    out
}

/// The same for the round circuit.
pub(crate) fn round_starts(plan: &RoundPlan) -> BTreeSet<Cell> {
    let c = plan.grid.columns;
    let fold = 3 * c + 2 + c * plan.private_cells() + c * plan.lookups() + 1;
    let layers = 2..=plan.grid.depth();
    let starts = layers.flat_map(|l| {
        let (weights, copies) = (plan.forward(l).start - 1, plan.transposed(l).start - 1);
        [(fold, weights), (fold, copies), (fold + 1, copies)]
    });
    starts.collect()
}
