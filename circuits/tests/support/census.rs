//! On which rows each constraint of a circuit must be enabled, from the shape alone.
//!
//! The circuits write their fixed columns from the same grid, but cell by cell; here every constraint gets its set
//! of rows, so that a selector that forgets a row or reaches one too many is noticed in circuits of any size.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use zkpoc_circuits::audit::Audit;
use zkpoc_circuits::dataset::DatasetPlan;
use zkpoc_circuits::grid::{Grid, TAIL};
use zkpoc_circuits::round::RoundPlan;
use zkpoc_circuits::training::Plan;

type Rows = BTreeSet<usize>;

/// Rows by name of the constraint.
pub(crate) type Census = BTreeMap<&'static str, Rows>;

/// Every constraint of the audit is enabled on exactly the rows of the census.
pub(crate) fn compare(name: &str, audit: &Audit, census: &Census) {
    let enabled = audit.enabled_rows();
    let mut seen = BTreeSet::new();
    for (label, rows) in &enabled {
        let constraint = label.split('#').next().expect("a name");
        let expected = census.get(constraint).unwrap_or_else(|| panic!("{name}: {constraint} is not in the census"));
        let first: Vec<&usize> = rows.symmetric_difference(expected).take(8).collect();
        assert!(
            first.is_empty(),
            "{name}: {label} is enabled where it should not be, or not where it should: {first:?}"
        );
        seen.insert(constraint);
    }
    let missing = census.iter().filter(|(constraint, rows)| !rows.is_empty() && !seen.contains(**constraint));
    assert_eq!(missing.map(|(constraint, _)| constraint).collect::<Vec<_>>(), Vec::<&&str>::new(), "{name}");
}

fn blocks(grid: &Grid, blocks: impl IntoIterator<Item = usize>) -> Rows {
    blocks.into_iter().flat_map(|block| grid.row(block)..grid.row(block + 1)).collect()
}

/// Rows with a weight, a bias or a copy of a weight; then of the copies alone.
fn parameters(grid: &Grid) -> (Rows, Rows) {
    let (mut own, mut copies) = (Rows::new(), Rows::new());
    for l in 1..=grid.depth() {
        for k in 0..grid.layers[l] {
            own.insert(grid.bias_weight(l, k).1);
            for j in 0..grid.layers[l - 1] {
                own.insert(grid.weight(l, j, k).1);
                if l > 1 {
                    copies.insert(grid.transposed_weight(l, j, k).1);
                }
            }
        }
    }
    (own, copies)
}

fn body(grid: &Grid) -> Range<usize> {
    0..grid.rows() - TAIL
}

/// The training circuit.
pub(crate) fn training(plan: &Plan) -> Census {
    let grid = &plan.grid;
    let depth = grid.depth();
    let sections = blocks(grid, grid.sections().into_iter().flatten());
    let groups: Rows = sections.iter().copied().filter(|row| row % 4 == 3).collect();
    let units = |layers: Range<usize>| -> Rows { layers.flat_map(|l| plan.unit_rows(l)).collect() };
    let (hidden, outputs, all) = (units(1..depth), units(depth..depth + 1), units(1..depth + 1));
    let (records, phantoms): (Rows, Rows) = outputs.iter().partition(|row| **row % grid.rows_per_block < grid.batch);
    let stops = blocks(grid, (1..=depth).map(|l| grid.bias(l)).chain([grid.stop()]));
    let start = blocks(grid, [grid.gap(0)]);
    let gaps = blocks(grid, (1..=depth).map(|l| grid.gap(l)));
    let heads: Rows = (1..=depth).map(|l| grid.row(grid.gap(l))).collect();
    let zero = Rows::from([0]);
    let backward = (2..depth).flat_map(|l| (0..grid.layers[l]).map(move |k| (l, k)));
    let backward = blocks(grid, backward.map(|(l, k)| grid.transposed(l, k)));
    let whole = grid.width.is_multiple_of(1 << grid.stack_bits);
    let body_end = grid.height() - TAIL;
    let rest: Rows = (plan.table_row..).zip(plan.table_codes()).map(|(row, _)| row).collect();
    let (norm, loss) = plan.buckets();
    let last: Rows = [norm.end - 1, loss.end - 1].into();
    let buckets: Rows = norm.chain(loss).filter(|row| !last.contains(row)).collect();
    let scaled = |part: &zkpoc_circuits::training::plan::Requantise, rows: &Rows| {
        let parts = [&part.quotient, &part.remainder, &part.excess];
        if parts.iter().any(|limbs| limbs.scaled.is_some()) {
            rows.clone()
        } else {
            Rows::new()
        }
    };
    let mut out = Census::from([
        ("update.start", start.clone()),
        ("update.gap", gaps.clone()),
        ("update.end", rest.iter().copied().filter(|row| *row < body_end).collect()),
        ("update.rest", if grid.stack_bits == 0 { Rows::new() } else { rest.clone() }),
        ("update.idle", if whole { Rows::new() } else { sections.clone() }),
        ("fold.input", sections),
        ("loss", outputs.clone()),
        ("output.fold.pre", outputs.clone()),
        ("output.fold.signal", outputs),
        ("output.residual", records),
        ("output.phantom", phantoms),
        ("signal.scaled", scaled(&plan.signal, &all)),
        ("activation.scaled", plan.relu.as_ref().map(|relu| scaled(relu, &hidden)).unwrap_or_default()),
        ("backward.signal", backward),
        ("lookup", plan.area.rows.clone().collect()),
        ("lookup.start", start.clone()),
        ("table", rest),
        ("backward", if depth > 1 { zero.clone() } else { Rows::new() }),
        ("bucket", buckets),
        ("bucket.last", last),
    ]);
    let mut also = |rows: &Rows, names: &[&'static str]| out.extend(names.iter().map(|name| (*name, rows.clone())));
    also(&groups, &["fold.update", "fold.samples", "fold.weights", "dot"]);
    match plan.profile.softmax() {
        None => also(&all, &["signal.sign", "signal.floor", "signal.ceiling"]),
        Some(_) => {
            also(&hidden, &["signal.sign", "signal.floor", "signal.ceiling", "softmax.part.idle"]);
            let outputs = units(depth..depth + 1);
            also(&outputs, &["softmax.index", "softmax.max", "softmax.hot", "softmax.count", "softmax.exp"]);
            also(&outputs, &["softmax.part", "softmax.sum", "softmax.share", "softmax.rest"]);
            also(&stops, &["softmax.count.end", "softmax.exp.end", "softmax.part.end"]);
            also(&gaps, &["softmax.one", "softmax.total"]);
            also(&zero, &["exp.total"]);
        }
    }
    also(&hidden, &["activation.sign", "activation.floor", "activation.ceiling", "hidden.activation"]);
    also(&hidden, &["hidden.fold.pre", "hidden.fold.back", "hidden.fold.signal"]);
    also(&stops, &["stop.pre", "stop.signal", "stop.loss"]);
    also(&start, &["start.input"]);
    also(&gaps, &["gap.input", "gradient.dot"]);
    also(&heads, &["gap.update", "forward", "gradient", "state"]);
    also(&zero, &["start", "start.update", "lookup.total", "loss.total"]);
    out
}

/// The dataset circuit.
pub(crate) fn dataset(plan: &DatasetPlan) -> Census {
    let grid = &plan.grid;
    let labels = grid.layers[grid.depth()];
    let records = |block: usize| grid.row(block)..grid.row(block) + grid.batch;
    let label: Rows = (0..labels).flat_map(|k| records(grid.output(k))).collect();
    let feature: Rows = plan.features().collect();
    let data: Rows = (0..grid.layers[0]).flat_map(|j| records(grid.input(1, j))).chain(label.iter().copied()).collect();
    let table = plan.table()..plan.table() + (1 << plan.feature_bits);
    let pair: Rows = (1..grid.batch).flat_map(|shift| plan.pairs(shift)).collect();
    Census::from([
        ("hiding.zone", body(grid).filter(|row| !data.contains(row)).collect()),
        ("range.pin", [plan.features().start - 1, table.end - 1].into()),
        ("range.table", table.collect()),
        ("range.feature", feature.clone()),
        ("print", feature),
        ("label.bit", label.clone()),
        ("label.sum", label),
        ("label.one", records(grid.output(labels - 1)).map(|row| row + plan.label_shift).collect()),
        ("pair.copy", pair.clone()),
        ("pair.shift", pair.clone()),
        ("pair.distinct", pair),
    ])
}

/// The round circuit.
pub(crate) fn round(plan: &RoundPlan) -> Census {
    let grid = &plan.grid;
    let (own, copies) = parameters(grid);
    let data: Rows = own.union(&copies).copied().collect();
    let padding: Rows = body(grid).filter(|row| !data.contains(row)).collect();
    let tail = body(grid).end..grid.rows();
    let layers = 2..=grid.depth();
    let inputs = layers.clone().flat_map(|l| (0..grid.layers[l - 1]).map(move |j| grid.input(l, j)));
    let units = |l: usize| (0..grid.layers[l]).map(move |k| grid.transposed(l, k));
    let transposed = blocks(grid, layers.clone().flat_map(units));
    let turns: Rows = layers.flat_map(units).map(|block| grid.row(block + 1) - 1).collect();
    let last = (0..grid.width).map(|c| grid.weight_column(c).1).max().unwrap_or(0);
    let area: Rows = (grid.row(grid.input(1, 0))..last + grid.row(grid.gap(grid.depth()))).collect();
    let zero = Rows::from([0]);
    let deep = if grid.depth() > 1 { zero.clone() } else { Rows::new() };
    let mut out = Census::from([
        ("public.zone", padding.iter().copied().chain(tail).collect()),
        ("hiding.zone", padding),
        ("sum.transposed", transposed.clone()),
        ("fold", blocks(grid, inputs)),
        ("fold.transposed", transposed),
        ("turn", turns),
        ("transposed", deep),
        ("claims", area.clone()),
        ("lookup", area),
        ("table", (1..=1 << plan.limb_bits).collect()),
    ]);
    let mut also = |rows: &Rows, names: &[&'static str]| out.extend(names.iter().map(|name| (*name, rows.clone())));
    also(&own, &["remainder", "floor", "ceiling"]);
    if plan.top_bits() == 1 {
        also(&own, &["weight.top"]);
    }
    also(&zero, &["claims.start", "table.start", "lookup.start", "lookup.total"]);
    out
}
