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
    let (depth, laps) = (grid.depth(), grid.laps > 1);
    let mut out = Census::new();
    // What a step has, in each lap; then what a run has once.
    for (name, rows) in step(plan) {
        let origins = (0..grid.laps).map(|lap| lap * grid.height());
        out.insert(name, origins.flat_map(|origin| rows.iter().map(move |row| origin + row)).collect());
    }
    let mut also = |names: &[&'static str], rows: &Rows| out.extend(names.iter().map(|name| (*name, rows.clone())));
    let (zero, none) = (Rows::from([0]), Rows::new());
    let rest: Rows = (plan.table_row..).zip(plan.table_codes()).map(|(row, _)| row).collect();
    let ((norm, loss), last) = (plan.buckets(), (grid.laps - 1) * grid.height());
    let norm = last + norm.start..last + norm.end;
    let ends: Rows = [norm.end - 1, loss.end - 1].into();
    also(&["bucket"], &norm.chain(loss).filter(|row| !ends.contains(row)).collect());
    also(&["bucket.last"], &ends);
    also(&["table"], &rest);
    also(&["start", "lookup.total", "loss.total"], &zero);
    if plan.softmax.is_some() {
        also(&["exp.total"], &zero);
    }
    if !laps {
        let body_end = grid.height() - TAIL;
        let whole = grid.width.is_multiple_of(1 << grid.stack_bits);
        let start = blocks(grid, [grid.gap(0)]);
        also(&["update.start", "lookup.start"], &start);
        also(&["update.gap"], &blocks(grid, (1..=depth).map(|l| grid.gap(l))));
        also(&["update.end"], &rest.iter().copied().filter(|row| *row < body_end).collect());
        also(&["update.rest"], if grid.stack_bits == 0 { &none } else { &rest });
        also(&["update.idle"], &if whole { none } else { blocks(grid, grid.sections().into_iter().flatten()) });
        return out;
    }
    let weights = parameters(grid).0;
    also(&["update.zone"], &body(grid).filter(|row| !weights.contains(row)).collect());
    also(&["model"], &blocks(grid, grid.sections().into_iter().flatten()));
    also(&["loss.start", "lookup.start"], &zero);
    let later: Rows = (1..grid.laps).map(|lap| lap * grid.height()).collect();
    also(&["start.carry", "lookup.carry", "loss.carry"], &later);
    if plan.softmax.is_some() {
        also(&["exp.start"], &zero);
        also(&["exp.carry"], &later);
    }
    out
}

/// What each step has, by the rows of its lap.
fn step(plan: &Plan) -> Census {
    let grid = &plan.grid;
    let (depth, laps) = (grid.depth(), grid.laps > 1);
    let sections = blocks(grid, grid.sections().into_iter().flatten());
    let groups: Rows = sections.iter().copied().filter(|row| row % 4 == 3).collect();
    let (copied, summed): (Rows, Rows) = groups.iter().partition(|row| **row >= grid.row(grid.output(0)));
    let units = |layers: Range<usize>| -> Rows { layers.flat_map(|l| plan.unit_rows(l)).collect() };
    let (hidden, outputs, all) = (units(1..depth), units(depth..depth + 1), units(1..depth + 1));
    let (records, phantoms): (Rows, Rows) = outputs.iter().partition(|row| **row % grid.rows_per_block < grid.batch);
    let stops = blocks(grid, (1..=depth).map(|l| grid.bias(l)).chain([grid.stop()]));
    let start = blocks(grid, [grid.gap(0)]);
    let gaps = blocks(grid, (1..=depth).map(|l| grid.gap(l)));
    let heads: Rows = (1..=depth).map(|l| grid.row(grid.gap(l))).collect();
    let zero = Rows::from([0]);
    let deep = if depth > 1 { zero.clone() } else { Rows::new() };
    let backward = (2..depth).flat_map(|l| (0..grid.layers[l]).map(move |k| (l, k)));
    let backward = blocks(grid, backward.map(|(l, k)| grid.transposed(l, k)));
    let scaled = |part: &zkpoc_circuits::training::plan::Requantise, rows: &Rows| {
        let parts = [&part.quotient, &part.remainder, &part.excess];
        if parts.iter().any(|limbs| limbs.scaled.is_some()) {
            rows.clone()
        } else {
            Rows::new()
        }
    };
    let mut out = Census::from([
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
        ("fold.update", if laps { summed.clone() } else { groups.clone() }),
    ]);
    let mut also = |rows: &Rows, names: &[&'static str]| out.extend(names.iter().map(|name| (*name, rows.clone())));
    also(&groups, &["fold.samples", "fold.weights", "dot"]);
    match plan.profile.softmax() {
        None => also(&all, &["signal.sign", "signal.floor", "signal.ceiling"]),
        Some(_) => {
            also(&hidden, &["signal.sign", "signal.floor", "signal.ceiling", "softmax.part.idle"]);
            let outputs = units(depth..depth + 1);
            also(&outputs, &["softmax.index", "softmax.max", "softmax.hot", "softmax.count", "softmax.exp"]);
            also(&outputs, &["softmax.part", "softmax.sum", "softmax.share", "softmax.rest"]);
            also(&stops, &["softmax.count.end", "softmax.part.end"]);
            also(&gaps, &["softmax.one", "softmax.total"]);
        }
    }
    also(&hidden, &["activation.sign", "activation.floor", "activation.ceiling", "hidden.activation"]);
    also(&hidden, &["hidden.fold.pre", "hidden.fold.back", "hidden.fold.signal"]);
    also(&stops, &["stop.pre", "stop.signal"]);
    also(&start, &["start.input"]);
    also(&gaps, &["gap.input", "gradient.dot"]);
    also(&heads, &["gap.update", "forward", "gradient", "state"]);
    also(&zero, &["start.update"]);
    also(&deep, &["backward"]);
    if !laps {
        also(&stops, &["stop.loss"]);
        if plan.softmax.is_some() {
            also(&stops, &["softmax.exp.end"]);
        }
        return out;
    }
    also(&summed, &["fold.total"]);
    also(&zero, &["start.total"]);
    also(&heads, &["gap.total"]);
    also(&deep, &["stop.loss", "transposed"]);
    if depth > 1 {
        let rows = grid.rows_per_block;
        also(&copied.iter().copied().filter(|row| row % rows == rows - 1).collect(), &["turn"]);
        also(&copied, &["fold.copies"]);
    }
    out
}

/// The dataset circuit.
pub(crate) fn dataset(plan: &DatasetPlan) -> Census {
    let grid = &plan.grid;
    let (height, rows, labels) = (grid.height(), grid.rows_per_block, grid.layers[grid.depth()]);
    // Whatever is in one lap is in all.
    let laps = |in_lap: &[std::ops::Range<usize>]| -> Rows {
        let shifted =
            (0..grid.laps).flat_map(|lap| in_lap.iter().map(move |r| r.start + lap * height..r.end + lap * height));
        shifted.flatten().collect()
    };
    let records = |block: usize| grid.row(block)..grid.row(block) + grid.batch;
    let labelled: Vec<_> = (0..labels).map(|k| records(grid.output(k))).collect();
    let label = laps(&labelled);
    let feature = laps(std::slice::from_ref(&(rows..(grid.layers[0] + 1) * rows)));
    let inputs: Vec<_> = (0..grid.layers[0]).map(|j| records(grid.input(1, j))).collect();
    let cells = laps(&inputs);
    let data: Rows = cells.union(&label).copied().collect();
    let last = records(grid.output(labels - 1));
    // After the last lap's features: as many rows as limbs, the table, the limbs of all distances but the first record's none.
    let table = (grid.laps - 1) * height + (grid.layers[0] + 1) * rows + plan.limbs;
    let table = table..table + (1 << plan.feature_bits);
    let distances = grid.laps * grid.batch - 1;
    let limbs = table.end..table.end + distances * plan.limbs;
    let with = |compared: Rows| if distances > 0 { compared } else { Rows::new() };
    let next: Rows = (1..=distances).map(|i| table.end - 1 + i * plan.limbs).collect();
    let top: Rows = (0..distances).map(|i| table.end + i * plan.limbs).collect();
    let key = with(laps(&[records(grid.layers[0])]));
    let before = |lap: usize| lap * height + grid.row(grid.layers[0]) - 1;
    Census::from([
        ("hiding.zone", body(grid).filter(|row| !data.contains(row)).collect()),
        ("range.pin", [rows - 1, limbs.end - 1].into()),
        ("range.feature", (rows..table.start).collect()),
        ("range.table", table.clone().collect()),
        ("range.limb", limbs.clone().collect()),
        ("label.bit", label.clone()),
        ("label.sum", label),
        ("label.one", laps(std::slice::from_ref(&(last.start + plan.label_shift..last.end + plan.label_shift)))),
        ("key", feature),
        ("key.sum", key),
        ("key.start", with([before(0)].into())),
        ("key.carry", with((1..grid.laps).map(before).collect())),
        ("order.limb", limbs.filter(|row| !top.contains(row) && !next.contains(row)).collect()),
        ("order.top", top),
        ("order.sum", with(next.iter().copied().chain([table.end - 1]).collect())),
        ("order.next", next),
        ("order.start", with([before(0)].into())),
        ("order.total", with([before(0)].into())),
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
