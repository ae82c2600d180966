//! The audit finds planted bugs: a small circuit with every kind of part, sound as it stands, and the same
//! circuit with one mistake at a time. Honest proofs of all of them verify.
//!
//! # Circuit
//! On data rows 1 to 4 of a public column `w`: `next = w^2 + 3`; `w = limb + 8 high` with `limb` in a table of
//! 0 to 7 (LogUp); `used` is a copy of `next` and `product = used w`; `reversed` holds rows 1 to 5 of `next` in
//! reverse order, which two folds in a challenge compare. `next` is 0 on padding and 1 on the tail.

use crate::support;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::circuit::{Layouter, Region, SimpleFloorPlanner, Value};
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{
    Advice, Challenge, Circuit, Column, ConstraintSystem, Error, Expression, FirstPhase, Fixed, SecondPhase, Selector,
};
use halo2_proofs::poly::Rotation;
use rand::rngs::StdRng;
use rand::SeedableRng;
use std::collections::BTreeSet;
use support::proving::CircuitKeys;
use zkpoc_circuits::audit::{Audit, Cell, Question, Rigidity};

const K: u32 = 5;
const DATA: std::ops::RangeInclusive<usize> = 1..=4;
const FOLDED: std::ops::RangeInclusive<usize> = 1..=5;
const TABLE: std::ops::RangeInclusive<usize> = 1..=8;

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum Bug {
    #[default]
    None,
    /// A cell that should be copied is assigned.
    DroppedCopy,
    /// A gate is off on a row.
    DroppedGate,
    /// What the challenge should bind is committed after it.
    SecondPhaseOperand,
    /// A row of the table that nothing holds to the table's value.
    UngatedTableRow,
    /// A region over another one: all start at row 0.
    RowOverlap,
    /// A row of padding that is marked as data, which no gate computes.
    FreePadding,
    /// An output that no gate computes.
    FreeNext,
    /// A constant that is a witness.
    WitnessConstant,
    /// A gate reads a cell that was never assigned.
    Unassigned,
}

#[derive(Clone, Debug)]
struct Config {
    w: Column<Advice>,
    next: Column<Advice>,
    limb: Column<Advice>,
    high: Column<Advice>,
    used: Column<Advice>,
    product: Column<Advice>,
    reversed: Column<Advice>,
    table: Column<Advice>,
    counts: Column<Advice>,
    eight: Column<Advice>,
    fold: Column<Advice>,
    fold_back: Column<Advice>,
    sum: Column<Advice>,
    table_sum: Column<Advice>,
    zone: Column<Fixed>,
    table_value: Column<Fixed>,
    step: Selector,
    split: Selector,
    square: Selector,
    folds: Selector,
    lookup: Selector,
    entry: Selector,
    entry_value: Selector,
    start: Selector,
    tau: Challenge,
    alpha: Challenge,
}

#[derive(Clone, Debug, Default)]
struct Planted {
    bug: Bug,
}

fn constant(value: u64) -> Expression<Fr> {
    Expression::Constant(Fr::from(value))
}

impl Circuit<Fr> for Planted {
    type Config = Config;
    type FloorPlanner = SimpleFloorPlanner;
    type Params = Bug;

    fn without_witnesses(&self) -> Self {
        self.clone()
    }

    fn params(&self) -> Bug {
        self.bug
    }

    fn configure(_: &mut ConstraintSystem<Fr>) -> Config {
        unreachable!("configured with its bug")
    }

    fn configure_with_params(meta: &mut ConstraintSystem<Fr>, bug: Bug) -> Config {
        let [w, next, limb, high, used, product, table, counts, eight] = [(); 9].map(|_| meta.advice_column());
        let reversed = match bug {
            Bug::SecondPhaseOperand => meta.advice_column_in(SecondPhase),
            _ => meta.advice_column(),
        };
        let [fold, fold_back, sum, table_sum] = [(); 4].map(|_| meta.advice_column_in(SecondPhase));
        let [zone, table_value] = [(); 2].map(|_| meta.fixed_column());
        let [step, split, square, folds, lookup, entry, entry_value, start] = [(); 8].map(|_| meta.selector());
        let [tau, alpha] = [(); 2].map(|_| meta.challenge_usable_after(FirstPhase));
        meta.instance_column();
        meta.enable_equality(next);
        meta.enable_equality(used);
        meta.create_gate("planted", |meta| {
            let mut at = |column, rotation| meta.query_advice(column, Rotation(rotation));
            let (w, next, limb, high) = (at(w, 0), at(next, 0), at(limb, 0), at(high, 0));
            let (used, product, reversed) = (at(used, 0), at(product, 0), at(reversed, 0));
            let (table, counts, eight) = (at(table, 0), at(counts, 0), at(eight, 0));
            let (fold, fold_before, fold_end) = (at(fold, 0), at(fold, -1), at(fold, *FOLDED.end() as i32));
            let (back, back_before, back_end) = (at(fold_back, 0), at(fold_back, 1), at(fold_back, 1));
            let back_start = at(fold_back, *FOLDED.end() as i32 + 1);
            let (sum, sum_before, sum_end) = (at(sum, 0), at(sum, -1), at(sum, *DATA.end() as i32));
            let (entries, entries_before) = (at(table_sum, 0), at(table_sum, -1));
            let last = TABLE.end() + usize::from(bug == Bug::UngatedTableRow);
            let entries_end = at(table_sum, last as i32);
            let zone = meta.query_fixed(zone, Rotation::cur());
            let value = meta.query_fixed(table_value, Rotation::cur());
            let (tau, alpha) = (meta.query_challenge(tau), meta.query_challenge(alpha));
            let mut on = |selector| meta.query_selector(selector);
            let (folds, entry, start) = (on(folds), on(entry), on(start));
            let scale = if bug == Bug::WitnessConstant { eight } else { constant(8) };
            vec![
                ("step", on(step) * (next.clone() - w.clone() * w.clone() - constant(3))),
                ("split", on(split) * (w.clone() - limb.clone() - scale * high)),
                ("square", on(square) * (product - used * w)),
                ("zone", (zone.clone() - constant(1)) * (next.clone() * Fr::from(2) - constant(2) + zone)),
                ("fold", folds.clone() * (fold.clone() - tau.clone() * fold_before - next)),
                ("fold.back", folds * (back - tau * back_before - reversed)),
                ("fold.start", start.clone() * fold),
                ("fold.back.start", start.clone() * back_start),
                ("fold.meet", start.clone() * (fold_end - back_end)),
                ("lookup", on(lookup) * ((sum.clone() - sum_before) * (alpha.clone() - limb) - constant(1))),
                ("entry", entry * ((entries.clone() - entries_before) * (alpha - table.clone()) + counts)),
                ("entry.value", on(entry_value) * (table - value)),
                ("lookup.start", start.clone() * sum),
                ("entry.start", start.clone() * entries),
                ("lookup.total", start * (sum_end + entries_end)),
            ]
        });
        Config {
            w,
            next,
            limb,
            high,
            used,
            product,
            reversed,
            table,
            counts,
            eight,
            fold,
            fold_back,
            sum,
            table_sum,
            zone,
            table_value,
            step,
            split,
            square,
            folds,
            lookup,
            entry,
            entry_value,
            start,
            tau,
            alpha,
        }
    }

    fn synthesize(&self, c: Config, mut layouter: impl Layouter<Fr>) -> Result<(), Error> {
        layouter.assign_region(|| "all", |mut region| self.assign(&c, &mut region))?;
        if self.bug == Bug::RowOverlap {
            let value = Value::known(Fr::from(high(1)));
            layouter.assign_region(|| "over it", |mut region| Ok(region.assign_advice(c.high, 1, value).cell()))?;
        }
        Ok(())
    }
}

/// The public column.
fn w(row: usize) -> u64 {
    if DATA.contains(&row) {
        [11, 3, 38, 25][row - 1]
    } else {
        0
    }
}

fn high(row: usize) -> u64 {
    w(row) / 8
}

fn next(row: usize) -> u64 {
    if DATA.contains(&row) {
        w(row) * w(row) + 3
    } else {
        0
    }
}

/// Rows that the prover assigns: all but the blinding rows.
fn usable(meta: &Audit) -> usize {
    (1 << K) - meta.blinding_rows()
}

impl Planted {
    fn assign(&self, c: &Config, region: &mut Region<'_, Fr>) -> Result<(), Error> {
        let bug = self.bug;
        let mut meta = ConstraintSystem::default();
        Planted::configure_with_params(&mut meta, bug);
        let usable = (1usize << K) - meta.blinding_factors() - 1;
        for row in 0..usable {
            let data = DATA.contains(&row) || bug == Bug::FreePadding && row == 5;
            let zone = match () {
                _ if data => 1,
                _ if row < usable - 2 => 2,
                _ => 0,
            };
            region.assign_fixed(c.zone, row, Fr::from(zone));
            if TABLE.contains(&row) {
                region.assign_fixed(c.table_value, row, Fr::from(row as u64 - 1));
                c.entry_value.enable(region, row)?;
            }
            if TABLE.contains(&row) || bug == Bug::UngatedTableRow && row == TABLE.end() + 1 {
                c.entry.enable(region, row)?;
            }
            if FOLDED.contains(&row) {
                c.folds.enable(region, row)?;
            }
            if DATA.contains(&row) {
                let off = |kind, at| bug == kind && row == at;
                if !off(Bug::FreeNext, 4) {
                    c.step.enable(region, row)?;
                }
                if !off(Bug::DroppedGate, 3) {
                    c.split.enable(region, row)?;
                }
                c.square.enable(region, row)?;
                c.lookup.enable(region, row)?;
            }
        }
        c.start.enable(region, 0)?;

        let mut put = |column, row, value: Fr| region.assign_advice(column, row, Value::known(value)).cell();
        let mut counts = [0u64; 8];
        DATA.for_each(|row| counts[(w(row) % 8) as usize] += 1);
        let mut copies = Vec::new();
        for row in 0..usable {
            put(c.w, row, Fr::from(w(row)));
            let out = put(c.next, row, if row < usable - 2 { Fr::from(next(row)) } else { Fr::ONE });
            put(c.limb, row, Fr::from(w(row) % 8));
            if !(bug == Bug::Unassigned && row == 2) {
                put(c.high, row, Fr::from(high(row)));
            }
            put(c.eight, row, Fr::from(8));
            let copied = put(c.used, row, Fr::from(next(row)));
            put(c.product, row, Fr::from(next(row) * w(row)));
            put(c.table, row, Fr::from(row as u64 - 1.min(row as u64)));
            put(c.counts, row, if TABLE.contains(&row) { Fr::from(counts[row - 1]) } else { Fr::ZERO });
            if bug != Bug::SecondPhaseOperand {
                put(c.reversed, row, Fr::from(reversed(row)));
            }
            if DATA.contains(&row) && !(bug == Bug::DroppedCopy && row == 2) {
                copies.push((out, copied));
            }
        }
        for (left, right) in copies {
            region.constrain_equal(left, right);
        }

        region.next_phase();
        let [tau, alpha] = [c.tau, c.alpha].map(|challenge| {
            let mut out = Fr::from(3);
            region.get_challenge(challenge).map(|value| out = value);
            out
        });
        let mut put = |column, row, value: Fr| {
            region.assign_advice(column, row, Value::known(value));
        };
        let (mut fold, mut sum, mut entries) = (Fr::ZERO, Fr::ZERO, Fr::ZERO);
        let mut back = vec![Fr::ZERO; usable];
        for row in FOLDED.rev() {
            back[row] = tau * back[row + 1] + Fr::from(reversed(row));
        }
        for (row, back) in back.into_iter().enumerate() {
            if FOLDED.contains(&row) {
                fold = tau * fold + Fr::from(next(row));
            }
            if DATA.contains(&row) {
                sum += (alpha - Fr::from(w(row) % 8)).invert().unwrap_or(Fr::ZERO);
            }
            if TABLE.contains(&row) {
                let inverse = (alpha - Fr::from(row as u64 - 1)).invert().unwrap_or(Fr::ZERO);
                entries -= Fr::from(counts[row - 1]) * inverse;
            }
            if bug == Bug::SecondPhaseOperand {
                put(c.reversed, row, Fr::from(reversed(row)));
            }
            put(c.fold, row, fold);
            put(c.fold_back, row, back);
            put(c.sum, row, sum);
            put(c.table_sum, row, entries);
        }
        Ok(())
    }
}

fn reversed(row: usize) -> u64 {
    if FOLDED.contains(&row) {
        next(FOLDED.end() + 1 - row)
    } else {
        0
    }
}

fn audit(bug: Bug, challenges: &[Fr]) -> Audit {
    let mut audit = Audit::new(&Planted { bug }, K, &[], challenges).expect("synthesis");
    audit.script(1, Fr::ONE);
    audit
}

/// Cells that constraints and copies read.
fn read(bug: Bug) -> BTreeSet<Cell> {
    let audit = audit(bug, &[Fr::from(3), Fr::from(11)]);
    let copies = audit.recorder.copies.iter().flat_map(|(left, right)| [left, right]);
    audit.reads().into_iter().chain(copies.map(|place| (place.column, place.row))).collect()
}

/// Free cells of the first and the second phase that the circuit reads, or that the sound one does.
fn free(bug: Bug) -> (BTreeSet<Cell>, BTreeSet<Cell>) {
    let rows = 1usize << K;
    let read: BTreeSet<Cell> = read(Bug::None).union(&read(bug)).copied().collect();
    let columns = audit(bug, &[]).cs.num_advice_columns();
    let cells = (0..columns).flat_map(|column| (0..rows).map(move |row| (column, row)));
    let unread: BTreeSet<Cell> = cells.filter(|cell| !read.contains(cell)).collect();
    // The public column, and limbs, which are looked up.
    let known = (0..rows).map(|row| (0, row)).chain(DATA.map(|row| (2, row))).collect();
    let question = Question { known, allowed: unread.clone(), ..Question::default() };
    let mut rng = StdRng::seed_from_u64(3);
    let found = Rigidity::measure(&|challenges| Ok(audit(bug, challenges)), &mut || Fr::random(&mut rng), &question)
        .expect("synthesis");
    let beyond = |free: BTreeSet<Cell>| free.difference(&unread).copied().collect();
    (beyond(found.free), beyond(found.second_free))
}

#[test]
fn the_circuit_without_a_bug_is_rigid() {
    assert_eq!(free(Bug::None), (BTreeSet::new(), BTreeSet::new()));
    let audit = audit(Bug::None, &[Fr::from(3), Fr::from(11)]);
    assert_eq!(audit.failing(), BTreeSet::new());
    assert_eq!((audit.recorder.advice_twice.len(), audit.bad_reads(&["zone"])), (0, vec![]));
    assert_eq!(audit.recorder.copies.len(), 4);
    assert!(usable(&audit) > TABLE.end() + 2);
}

/// The verifier is content with every one of them: honest proofs cannot show a bug.
#[test]
fn honest_proofs_of_buggy_circuits_verify() {
    let single_cells = [Bug::DroppedCopy, Bug::DroppedGate, Bug::FreePadding, Bug::FreeNext, Bug::WitnessConstant];
    let others = [Bug::None, Bug::SecondPhaseOperand, Bug::UngatedTableRow, Bug::RowOverlap, Bug::Unassigned];
    for bug in single_cells.into_iter().chain(others) {
        let circuit = Planted { bug };
        let keys = CircuitKeys::new(K, &circuit);
        // The tail of `next`, the second column, is 1.
        let blinding = audit(bug, &[]).blinding_rows();
        let script = support::proving::Script::new([vec![5; blinding], vec![1; blinding]].concat());
        assert!(keys.verify(&keys.prove(circuit, &[], script), &[]), "{bug:?}");
    }
}

#[test]
fn rigidity_finds_planted_bugs() {
    let first = |bug| {
        let (first, second) = free(bug);
        assert_eq!(second, BTreeSet::new(), "{bug:?}");
        first.len()
    };
    // One dimension each: what moves together is one kernel vector.
    for bug in [Bug::DroppedCopy, Bug::DroppedGate, Bug::FreePadding, Bug::FreeNext] {
        assert_eq!(first(bug), 1, "{bug:?}");
    }
    // The table's value and nothing else, as no limb has it yet.
    let table = 6;
    assert_eq!(free(Bug::UngatedTableRow).0, BTreeSet::from([(table, TABLE.end() + 1)]));
    // Each factor with its high part; where the high part is 0 it is the factor alone.
    assert_eq!(first(Bug::WitnessConstant), 4);
    // In every draw four of the five cells that the challenge should bind are free.
    let (none, second) = free(Bug::SecondPhaseOperand);
    assert_eq!((none.len(), second.len()), (0, 4));
}

#[test]
fn the_order_of_phases_finds_an_operand_committed_too_late() {
    let undetermined = |bug| audit(bug, &[Fr::from(3), Fr::from(11)]).undetermined(&BTreeSet::new()).len();
    assert_eq!(undetermined(Bug::None), 0);
    // The five cells, and the fold over them.
    assert_eq!(undetermined(Bug::SecondPhaseOperand), 9);
}

#[test]
fn the_recorder_finds_overlaps_and_unassigned_cells() {
    let overlap = audit(Bug::RowOverlap, &[]);
    assert_eq!(overlap.recorder.advice_twice, vec![(3, 1)]);
    let bad = audit(Bug::Unassigned, &[]).bad_reads(&["zone"]);
    assert_eq!(bad.len(), 1);
    assert_eq!((bad[0].constraint.as_str(), bad[0].column, bad[0].at), ("split", 3, 2));
}
