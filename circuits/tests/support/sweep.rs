//! Cheats on each cell of the columns that a circuit commits to for good: the update, the data, the next model and the sum.
//!
//! A cheat changes a cell of the first phase; everything that is computed from it follows honestly, the second phase always, and
//! where it says *books kept* what a clever prover would adapt as well: the state and the buckets of an update, the parts of a
//! weight and its copies. It is noticed when a constraint does not hold. Of the private columns a sample of cells is changed,
//! of both phases, and exactly those cells go unnoticed that [`super::free`] names.

use super::cheat::recount;
use super::forge::{self, Breaks};
use super::{free, Fixture};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use rand::rngs::StdRng;
use rand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use zkpoc_circuits::audit::{Audit, Cell, Watch};
use zkpoc_circuits::columns::Columns;
use zkpoc_circuits::dataset::{DatasetCircuit, DatasetWitness};
use zkpoc_circuits::field::{power_of_two, signed};
use zkpoc_circuits::grid::{Zone, TAIL};
use zkpoc_circuits::quantize::{signed_max, signed_min};
use zkpoc_circuits::reference::Shard;
use zkpoc_circuits::round::{RoundCircuit, RoundPlan, RoundWitness};

/// Private cells of a phase that are changed in each circuit.
const SAMPLE: usize = 24;
/// Rows of a round from which another number of claims is tried, beside the first.
const CLAIM_ROWS: usize = 4;
/// Cheats of each circuit that are evaluated a second time, in full.
const AGAIN: usize = 3;

/// What came of the cheats.
#[derive(Default)]
pub(crate) struct Tally {
    /// Cheats tried, by circuit and column.
    pub(crate) tried: BTreeMap<String, usize>,
    /// Cells that may be anything, changed and not noticed.
    pub(crate) free: usize,
    /// Cheats that were not noticed though they must be, or noticed though they must not be.
    pub(crate) missed: Vec<String>,
    /// Polynomials that noticed a cheat, by circuit.
    pub(crate) noticed_by: BTreeSet<String>,
    /// Those that a cheat breaks and no other, so that it would pass without them.
    pub(crate) alone: BTreeSet<String>,
}

impl Tally {
    /// Adds what came of other cheats.
    pub(crate) fn add(&mut self, other: Tally) {
        other.tried.into_iter().for_each(|(what, count)| *self.tried.entry(what).or_default() += count);
        self.free += other.free;
        self.missed.extend(other.missed);
        self.noticed_by.extend(other.noticed_by);
        self.alone.extend(other.alone);
    }

    /// All cheats.
    pub(crate) fn cheats(&self) -> usize {
        self.tried.values().sum()
    }
}

/// The cheats on one circuit.
struct Sweep<'a> {
    circuit: &'static str,
    name: &'a str,
    audit: &'a Audit,
    challenges: &'a [Fr],
    watch: Watch<'a>,
    tally: &'a mut Tally,
}

/// What is expected of a cheat.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Noticed,
    Free,
}

impl Expect {
    fn free(free: bool) -> Self {
        if free {
            Expect::Free
        } else {
            Expect::Noticed
        }
    }
}

impl<'a> Sweep<'a> {
    fn new(circuit: &'static str, name: &'a str, audit: &'a Audit, challenges: &'a [Fr], tally: &'a mut Tally) -> Self {
        Sweep { circuit, name, audit, challenges, watch: Watch::new(audit), tally }
    }

    fn usable(&self) -> usize {
        self.audit.advice[0].len() - self.audit.blinding_rows()
    }

    /// Cells of these columns that differ from the honest ones; columns are counted from `begin`.
    fn changes<T: AsRef<[Fr]>>(&self, begin: usize, columns: &[T]) -> Vec<(Cell, Fr)> {
        let usable = self.usable();
        let mut out = Vec::new();
        for (column, (honest, cells)) in (begin..).zip(self.audit.advice[begin..].iter().zip(columns)) {
            let (honest, cells) = (&honest[..usable], &cells.as_ref()[..usable]);
            if honest != cells {
                let rows = (0..usable).filter(|row| honest[*row] != cells[*row]);
                out.extend(rows.map(|row| ((column, row), cells[row])));
            }
        }
        out
    }

    /// A cheat on one cell.
    fn cell<C: Columns>(&mut self, what: &str, cell: Cell, value: Fr, expect: Expect, make: impl FnOnce() -> C) {
        match self.watch.first_phase_notices(&[(cell, value)]) {
            Some(label) => self.note(what, cell, expect, Some(label)),
            None => self.books(what, cell, expect, &make()),
        }
    }

    /// A cheat on any cells: a circuit with its witness.
    fn books<C: Columns>(&mut self, what: &str, cell: Cell, expect: Expect, circuit: &C) {
        let first = circuit.first_phase().expect("a witness");
        let mut changes = self.changes(0, &first);
        if let Some(label) = self.watch.first_phase_notices(&changes) {
            return self.note(what, cell, expect, Some(label));
        }
        let second = circuit.second_phase(self.challenges).expect("a witness");
        changes.extend(self.changes(first.len(), &second));
        let label = self.watch.notices(&changes);
        self.note(what, cell, expect, label);
    }

    /// A cheat on one cell of the second phase.
    fn second(&mut self, cell: Cell, value: Fr, expect: Expect) {
        let label = self.watch.notices(&[(cell, value)]);
        self.note("second phase", cell, expect, label);
    }

    fn note(&mut self, what: &str, (column, row): Cell, expect: Expect, label: Option<&str>) {
        *self.tally.tried.entry(format!("{}, {what}", self.circuit)).or_default() += 1;
        match label {
            Some(label) => drop(self.tally.noticed_by.insert(format!("{} {label}", self.circuit))),
            None => self.tally.free += 1,
        }
        if label.is_some() != (expect == Expect::Noticed) {
            let (circuit, name) = (self.circuit, self.name);
            self.tally.missed.push(format!("{circuit} {name}: {what}, column {column}, row {row}: {label:?}"));
        }
    }

    /// A cheat that breaks one constraint and no other. Returns what it breaks.
    fn alone<C: Columns>(&mut self, what: &str, (column, row): Cell, label: &str, circuit: &C) -> BTreeSet<String> {
        *self.tally.tried.entry(format!("{}, {what}", self.circuit)).or_default() += 1;
        let broken = self.broken(circuit);
        let (circuit, name) = (self.circuit, self.name);
        self.tally.noticed_by.extend(broken.iter().map(|label| format!("{circuit} {label}")));
        if broken.len() == 1 {
            self.tally.alone.extend(broken.iter().map(|label| format!("{circuit} {label}")));
        }
        if broken.len() != 1 || broken.iter().any(|broken| constraint(broken) != label) {
            let text = format!("{circuit} {name}: {what}, column {column}, row {row}: {broken:?}, not {label} alone");
            self.tally.missed.push(text);
        }
        broken
    }

    /// Labels of the constraints that a cheat breaks.
    fn broken<C: Columns>(&mut self, circuit: &C) -> BTreeSet<String> {
        let first = circuit.first_phase().expect("a witness");
        let second = circuit.second_phase(self.challenges).expect("a witness");
        let mut changes = self.changes(0, &first);
        changes.extend(self.changes(first.len(), &second));
        self.watch.broken(&changes).into_iter().map(str::to_owned).collect()
    }
}

/// The constraint of a label, which numbers those of one name.
pub(crate) fn constraint(label: &str) -> &str {
    label.split_once('#').map_or(label, |(name, _)| name)
}

/// Cheats and the labels that the constraints reading their cells have: all constraints on all rows say the same.
fn in_full<C: Columns>(circuit: &str, audit: &mut Audit, cheats: Vec<(C, BTreeSet<String>)>, tally: &mut Tally) {
    for (cheat, broken) in cheats {
        audit.again(&cheat).expect("synthesis");
        assert_eq!(audit.failing_labels(), broken, "{circuit}: constraints that a change of their cells passed by");
        if broken.len() == 1 {
            tally.alone.extend(broken.iter().map(|label| format!("{circuit} {label}")));
        }
    }
}

/// Some of the cheats, and what they break.
fn pick<C: Columns>(sweep: &mut Sweep<'_>, mut made: Vec<C>, rng: &mut StdRng) -> Vec<(C, BTreeSet<String>)> {
    let count = AGAIN.min(made.len());
    let picked = (0..count).map(|_| made.swap_remove(rng.gen_range(0..made.len())));
    picked
        .map(|cheat| {
            let broken = sweep.broken(&cheat);
            (cheat, broken)
        })
        .collect()
}

/// Some cells of columns, each of `rows` rows.
fn sample(rng: &mut StdRng, columns: std::ops::Range<usize>, rows: usize) -> Vec<Cell> {
    if columns.is_empty() {
        return Vec::new();
    }
    (0..SAMPLE).map(|_| (rng.gen_range(columns.clone()), rng.gen_range(0..rows))).collect()
}

/// Cheats on every cell of the update, and on some of the private columns.
pub(crate) fn training(
    f: &Fixture,
    audit: &mut Audit,
    challenges: &[Fr],
    name: &str,
    rng: &mut StdRng,
    tally: &mut Tally,
) {
    let mut sweep = Sweep::new("training", name, audit, challenges, tally);
    let (grid, first) = (&f.plan.grid, &f.first);
    let (usable, slots, places) = (sweep.usable(), grid.column_places(), 1 << grid.stack_bits);
    let sections: Vec<_> = grid.sections().iter().map(|s| grid.row(s.start)..grid.row(s.end)).collect();
    let mut made = Vec::new();
    for column in 0..grid.columns {
        for row in 0..usable {
            let cell = (grid.columns + 1 + column, row);
            let expect = Expect::free(row >= grid.rows() - TAIL);
            let edit = |by: Fr| {
                let mut cheat = first.clone();
                cheat.d[column][row] += by;
                cheat
            };
            let (place, at) = (column * places + row / grid.height(), row % grid.height());
            if expect == Expect::Noticed && place < grid.width && sections.iter().any(|rows| rows.contains(&at)) {
                let mut cheat = edit(if rng.gen() { Fr::ONE } else { -Fr::ONE });
                recount(&f.plan, &mut cheat);
                let circuit = f.circuit.with_witness(cheat);
                sweep.books("update, books kept", cell, expect, &circuit);
                made.push(circuit);
            } else {
                // No book is kept of these.
                let by = Fr::random(&mut *rng);
                sweep.cell("update", cell, first.d[column][row] + by, expect, || f.circuit.with_witness(edit(by)));
            }
        }
    }
    let picked = pick(&mut sweep, made, rng);

    let free = free::training(&f.plan).all();
    let free::TrainingColumns { fine, aux: begin, second, .. } = free::training_columns(&f.plan);
    for cell in sample(rng, fine..begin, usable) {
        let mut cheat = first.clone();
        cheat.v[cell.0 - fine][cell.1] += Fr::random(&mut *rng);
        let (value, expect) = (cheat.v[cell.0 - fine][cell.1], Expect::free(free.contains(&cell)));
        sweep.cell("fine weights", cell, value, expect, || f.circuit.with_witness(cheat));
    }
    for cell in sample(rng, begin..second, usable) {
        let own = grid.height() * grid.laps;
        let (aux, row) = ((cell.0 - begin) * slots + cell.1 / own, cell.1 % own);
        if aux < f.plan.aux_columns {
            let mut cheat = first.clone();
            let at = &mut cheat.aux[aux][row];
            *at += Fr::random(&mut *rng);
            let value = *at;
            let expect = Expect::free(free.contains(&cell));
            sweep.cell("private columns", cell, value, expect, || f.circuit.with_witness(cheat));
        }
    }
    second_phase(&mut sweep, second, &free, &free::training_starts(&f.plan), rng);
    in_full("training", audit, picked, tally);
}

/// Cheats on some cells of the second phase. The start of a fold may be any number, but not alone.
fn second_phase(sweep: &mut Sweep<'_>, begin: usize, free: &BTreeSet<Cell>, starts: &BTreeSet<Cell>, rng: &mut StdRng) {
    for cell in sample(rng, begin..sweep.audit.advice.len(), sweep.usable()) {
        let value = sweep.audit.advice[cell.0][cell.1] + Fr::random(&mut *rng);
        sweep.second(cell, value, Expect::free(free.contains(&cell) && !starts.contains(&cell)));
    }
}

/// Cheats on every cell of the data column, on each record, and on some cells of the private columns.
pub(crate) fn dataset(
    circuit: &DatasetCircuit,
    shard: &Shard,
    audit: &mut Audit,
    challenges: &[Fr],
    name: &str,
    rng: &mut StdRng,
    tally: &mut Tally,
) {
    let mut sweep = Sweep::new("dataset", name, audit, challenges, tally);
    let plan = circuit.plan();
    let grid = &plan.grid;
    let honest = DatasetWitness::new(plan, shard);
    let from = |x: Vec<Fr>| circuit.with_witness(DatasetWitness::from_column(plan, x));
    let zones = grid.data_zones();
    let mut made = Vec::new();
    for row in 0..sweep.usable() {
        let expect = Expect::free(zones[row] == Zone::Tail);
        let mut values = vec![honest.x[row] + Fr::random(&mut *rng)];
        if zones[row] == Zone::Data {
            // Just out of range, at both ends; neither is a label.
            let offset = Fr::from(plan.offset);
            values.extend([power_of_two(plan.feature_bits.max(1)) - offset, -Fr::ONE - offset]);
        }
        for value in values {
            let edit = || {
                let mut x = honest.x.clone();
                x[row] = value;
                from(x)
            };
            sweep.cell("data", (0, row), value, expect, edit);
            if expect == Expect::Noticed && zones[row] == Zone::Data {
                made.push(edit());
            }
        }
    }
    let picked = pick(&mut sweep, made, rng);
    let first = |record: usize| grid.lap(record / grid.batch) + record % grid.batch;
    for record in 1..plan.records() {
        let mut x = honest.x.clone();
        let of = rng.gen_range(0..record);
        for j in 0..grid.layers[0] {
            let feature = grid.row(grid.input(1, j));
            x[feature + first(record)] = x[feature + first(of)];
        }
        sweep.books("a record twice", (0, grid.row(grid.input(1, 0)) + first(record)), Expect::Noticed, &from(x));
    }

    let free = free::dataset(plan).all();
    for cell in sample(rng, 1..3, sweep.usable()) {
        let mut cheat = honest.clone();
        let column = if cell.0 == 1 { &mut cheat.aux } else { &mut cheat.key };
        column[cell.1] += Fr::random(&mut *rng);
        let (value, expect) = (column[cell.1], Expect::free(free.contains(&cell)));
        sweep.cell("private columns", cell, value, expect, || circuit.with_witness(cheat));
    }
    second_phase(&mut sweep, 3, &free, &BTreeSet::new(), rng);
    in_full("dataset", audit, picked, tally);
}

/// Cheats on every cell of the next model and of the sum, and on some of the private columns.
pub(crate) fn round(
    circuit: &RoundCircuit,
    honest: &RoundWitness,
    audit: &mut Audit,
    challenges: &[Fr],
    name: &str,
    rng: &mut StdRng,
    tally: &mut Tally,
) {
    let mut sweep = Sweep::new("round", name, audit, challenges, tally);
    let plan = circuit.plan();
    let grid = &plan.grid;
    let usable = sweep.usable();
    let weights = weights(plan);
    let mut made = Vec::new();
    for column in 0..grid.columns {
        for row in 0..usable {
            let by = Fr::random(&mut *rng);
            let edit = |next: bool| {
                let mut cheat = honest.clone();
                let column = if next { &mut cheat.next[column] } else { &mut cheat.s[column] };
                column[row] += by;
                circuit.with_witness(cheat)
            };
            let cell = (2 * grid.columns + column, row);
            sweep.cell("next model", cell, honest.next[column][row] + by, Expect::Noticed, || edit(true));
            let cell = (grid.columns + column, row);
            let expect = Expect::free(row >= grid.rows() - TAIL);
            sweep.cell("sum", cell, honest.s[column][row] + by, expect, || edit(false));
        }
    }
    for ((column, row), copy) in &weights {
        let cell = (2 * grid.columns + column, *row);
        let near = if rng.gen() { Fr::ONE } else { -Fr::ONE };
        for by in [near, Fr::random(&mut *rng), Fr::from(1_000_000_000)] {
            let mut cheat = honest.clone();
            cheat.next[*column][*row] += by;
            if let Some((column, row)) = *copy {
                cheat.next[column][row] += by;
            }
            adapt(plan, &mut cheat, *column, *row);
            let cheat = circuit.with_witness(cheat);
            sweep.books("next model, books kept", cell, Expect::Noticed, &cheat);
            made.push(cheat);
        }
        let mut cheat = honest.clone();
        cheat.s[*column][*row] += Fr::random(&mut *rng);
        adapt(plan, &mut cheat, *column, *row);
        let cell = (grid.columns + column, *row);
        sweep.books("sum, books kept", cell, Expect::Noticed, &circuit.with_witness(cheat));
    }
    let mut picked = pick(&mut sweep, made, rng);
    picked.extend(forged(&mut sweep, circuit, honest, &weights, rng));

    let free = free::round(plan).all();
    let parts = plan.private_cells();
    let private = 3 * grid.columns..3 * grid.columns + 2 + grid.columns * parts;
    for cell in sample(rng, private.clone(), usable) {
        let mut cheat = honest.clone();
        let at = match cell.0 - private.start {
            0 => &mut cheat.claims[cell.1],
            1 => &mut cheat.counts[cell.1],
            part => &mut cheat.parts[(part - 2) / parts][(part - 2) % parts][cell.1],
        };
        *at += Fr::random(&mut *rng);
        let (value, expect) = (*at, Expect::free(free.contains(&cell)));
        sweep.cell("private columns", cell, value, expect, || circuit.with_witness(cheat));
    }
    second_phase(&mut sweep, private.end, &free, &free::round_starts(plan), rng);
    in_full("round", audit, picked, tally);
}

/// Cheats whose private cells are all on the table and that break one constraint each. Returns some of them, and what they break.
fn forged(
    sweep: &mut Sweep<'_>,
    circuit: &RoundCircuit,
    honest: &RoundWitness,
    weights: &[(Cell, Option<Cell>)],
    rng: &mut StdRng,
) -> Vec<(RoundCircuit, BTreeSet<String>)> {
    let plan = circuit.plan();
    let mut made = Vec::new();
    for weight in weights {
        let (column, row) = weight.0;
        for breaks in [Breaks::Remainder, Breaks::Range] {
            let mut cheat = honest.clone();
            let up = rng.gen();
            // One of both directions stays in range.
            let label = forge::next_weight(plan, &mut cheat, *weight, up, breaks)
                .or_else(|| forge::next_weight(plan, &mut cheat, *weight, !up, breaks))
                .expect("a neighbour in range");
            let cheat = circuit.with_witness(cheat);
            let cell = (2 * plan.grid.columns + column, row);
            let broken = sweep.alone("next model off by one, in the table", cell, label, &cheat);
            made.push((cheat, broken));
        }
    }
    // The number of claims is as large as the limbs hold.
    let most = 1i128 << (2 * plan.limb_bits - plan.profile.learning_rate.shift);
    let area = plan.area();
    let claims = (1..=most.min(64)).filter(|claims| signed(*claims) != honest.claims[area.start]).collect::<Vec<_>>();
    if !claims.is_empty() {
        let rows = (0..CLAIM_ROWS).map(|_| rng.gen_range(area.clone()));
        for row in [area.start - 1, area.start].into_iter().chain(rows.collect::<Vec<_>>()) {
            let mut cheat = honest.clone();
            if !forge::claims_from(plan, &mut cheat, weights, row, claims[rng.gen_range(0..claims.len())]) {
                continue;
            }
            let cheat = circuit.with_witness(cheat);
            let label = if row < area.start { "claims.start" } else { "claims" };
            let broken = sweep.alone("another number of claims", (3 * plan.grid.columns, row), label, &cheat);
            made.push((cheat, broken));
        }
    }
    (0..AGAIN.min(made.len())).map(|_| made.swap_remove(rng.gen_range(0..made.len()))).collect()
}

/// Weights and biases: their cell, and that of their copy.
pub(crate) fn weights(plan: &RoundPlan) -> Vec<(Cell, Option<Cell>)> {
    let grid = &plan.grid;
    let mut out = Vec::new();
    for l in 1..=grid.depth() {
        for k in 0..grid.layers[l] {
            out.push((grid.bias_weight(l, k), None));
            let copy = |j| (l > 1).then(|| grid.transposed_weight(l, j, k));
            out.extend((0..grid.layers[l - 1]).map(|j| (grid.weight(l, j, k), copy(j))));
        }
    }
    out
}

/// Parts of a weight that satisfy all constraints but the lookups, in range as far as that can be; then the counts.
pub(crate) fn adapt(plan: &RoundPlan, cheat: &mut RoundWitness, column: usize, row: usize) {
    let (profile, bits) = (&plan.profile, plan.limb_bits);
    let [min, max] = [signed_min(profile.weight_bits), signed_max(profile.weight_bits)].map(|v| signed(v.into()));
    let rate = &profile.learning_rate;
    let (w, s, v) = (cheat.w[column][row], cheat.s[column][row], cheat.next[column][row]);
    let claims = cheat.claims[row];
    let half = power_of_two(rate.shift - 1);
    let remainder = s * Fr::from(rate.numerator) - claims * ((w - v) * power_of_two(rate.shift) - half);
    let (low, high) = split(remainder, bits);
    let last = claims * power_of_two(plan.ratio_bits()) - Fr::ONE;
    // At an end of the range one of the distances is free, and what the other has beyond a limb is its excess.
    let bound = if v == max { last - high } else { high };
    let (rest, excess) = if v == min || v == max { split(bound, bits) } else { (bound, Fr::ZERO) };
    let (mut under, mut over) = (high, last - high);
    if v == max {
        (under, over) = (Fr::ZERO, rest);
    } else if v == min {
        (under, over) = (rest, Fr::ZERO);
    }
    let (mut weight, top) = split(v - min, bits);
    if plan.top_bits() == 1 && top != Fr::ZERO && top != Fr::ONE {
        weight = v - min;
    }
    let parts = &mut cheat.parts[column];
    [low, high, under, over].into_iter().enumerate().for_each(|(part, value)| parts[part][row] = value);
    let mut rest = excess;
    for limb in 0..plan.excess {
        let last = limb + 1 == plan.excess;
        let (low, above) = if last { (rest, Fr::ZERO) } else { split(rest, bits) };
        (parts[4 + limb][row], rest) = (low, above);
    }
    parts[4 + plan.excess][row] = weight;
    cheat.count(plan);
}

/// Low limb and what is above it, of an integer near zero; of any other element all is above.
fn split(value: Fr, bits: u32) -> (Fr, Fr) {
    let near = |value: Fr| super::integer(&value).and_then(|v| i128::try_from(v).ok());
    match near(value).or_else(|| near(-value).map(|v| -v)) {
        Some(v) => (signed(v & ((1 << bits) - 1)), signed(v >> bits)),
        None => (Fr::ZERO, value * power_of_two(bits).invert().expect("a power of two")),
    }
}
