//! Second-phase attacks: the prover knows the challenges and forges folds, dot products and sums.
//!
//! Most attacks prove a false update, `d + 1` in one cell with all books kept, and bend one chain so
//! that every equation holds but the one that fixes that chain.

use super::support::cheat::{base, count, large_quotient, limbs, put_buckets, put_limbs, put_state, recount, settle};
use super::support::proving::Keys;
use super::support::{integer, names, quiet, random_step, rejects, shape, toy_keys, Claim, Fixture};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use std::sync::Arc;
use zkpoc_circuits::training::phase2::{ChallengeValues, Phase2};
use zkpoc_circuits::training::plan::{Lane, STATE_ROW};
use zkpoc_circuits::training::{Phase1, Plan};

/// Rows of a block of the toy profile.
const R: usize = 4;

fn rejects_second(
    first: Phase1,
    expected: &[&str],
    tamper: impl Fn(&Plan, &mut Phase2, &ChallengeValues) + Send + Sync + 'static,
) {
    let f = quiet();
    assert_eq!(f.plan.grid.rows_per_block, R);
    let plan = f.plan.clone();
    let claim = Claim::tampered(first, Arc::new(move |second, ch| tamper(&plan, second, ch)));
    rejects(f, toy_keys(), &claim, expected);
}

fn rejects_two_faced(expected: &[&str], committed: impl Fn(&Fixture, &mut Phase1)) {
    let f = quiet();
    let mut first = f.first.clone();
    committed(f, &mut first);
    rejects(f, toy_keys(), &Claim::two_faced(&f.plan, first, f.first.clone()), expected);
}

/// The honest first phase with one update cell of layer `l` one too large.
fn false_update(l: usize) -> Phase1 {
    let f = quiet();
    let mut first = f.first.clone();
    let (column, row) = f.plan.grid.weight(l, 0, 0);
    first.d[column][row] += Fr::ONE;
    recount(&f.plan, &mut first);
    first
}

/// What a cell of layer `l`'s update at `row` weighs at the end of its section.
fn weight_at_end(plan: &Plan, l: usize, row: usize, ch: &ChallengeValues) -> Fr {
    let end = plan.grid.row(plan.grid.gap(l));
    ch.upsilon.pow([(end - 1 - row) as u64])
}

fn copy_lane(plan: &Plan, lane: Lane, from: &Phase2, to: &mut Phase2) {
    for row in plan.grid.row(plan.grid.bias(1))..plan.grid.row(plan.grid.stop() + 1) {
        to.chain[lane.column][lane.at(row)] = from.chain[lane.column][lane.at(row)];
    }
}

/// Takes the sums over the samples at gap `l`, on top of the own fold of the units.
fn copy_sums(plan: &Plan, l: usize, from: &Phase2, to: &mut Phase2) {
    let lane = plan.pre_fold;
    let first = plan.grid.row(plan.grid.gap(l));
    let units = lane.at(first + R);
    for row in first..first + R {
        let sum = from.chain[lane.column][lane.at(row)] - from.chain[lane.column][units];
        to.chain[lane.column][lane.at(row)] = to.chain[lane.column][units] + sum;
    }
}

// ------------------------------------------------------------------------------------------- folds

/// Attacks `fold.input`, `fold.update` and `fold.weights`.
#[test]
pub(crate) fn rejects_folds_of_cells_that_are_not_committed() {
    rejects_two_faced(&["fold.input"], |f, first| first.x[f.plan.grid.row(f.plan.grid.input(1, 2)) + 1] += Fr::ONE);
    rejects_two_faced(&["output.fold.pre"], |f, first| {
        let cell = |k| f.plan.grid.row(f.plan.grid.output(k));
        first.x[cell(2)] = Fr::ZERO;
        first.x[cell(0)] = Fr::ONE;
    });
    // Of the other sign, so that the norm does not notice.
    rejects_two_faced(&["fold.update"], |f, first| {
        let mut rows = f.plan.grid.row(f.plan.grid.input(1, 0))..f.plan.grid.row(f.plan.grid.gap(1));
        let row = rows.find(|row| first.d[0][*row] != Fr::ZERO).unwrap();
        first.d[0][row] = -first.d[0][row];
    });
    rejects_two_faced(&["fold.weights"], |f, first| first.w[0][f.plan.grid.weight(1, 2, 1).1] += Fr::ONE);
    rejects_two_faced(&["fold.weights"], |f, first| first.w[0][f.plan.grid.transposed_weight(2, 2, 1).1] += Fr::ONE);
}

/// The folds of samples and of weights may start anywhere, as only differences of them are used.
#[test]
fn accepts_any_start_of_the_folds_of_a_section() {
    let f = quiet();
    for (before_end, per_row) in [(1, 1), (2, R)] {
        let tamper = Arc::new(move |second: &mut Phase2, ch: &ChallengeValues| {
            let plan = &quiet().plan;
            let base = ch.theta.pow([4 * per_row as u64]);
            for section in plan.grid.sections() {
                let mut value = Fr::from(77);
                for end in (plan.grid.row(section.start)..=plan.grid.row(section.end)).step_by(4) {
                    second.dot[end - before_end] += value;
                    value *= base;
                }
            }
        });
        let claim = Claim::tampered(f.first.clone(), tamper);
        assert_eq!(f.audit(&claim, 1).failing_names(), names(&[]));
        assert!(toy_keys().accepts(f, &claim));
    }
}

/// Attacks `fold.samples`.
#[test]
pub(crate) fn rejects_a_fold_of_samples_that_is_bent() {
    // The block after the outputs has no weights, so its product hides the bend.
    rejects_second(quiet().first.clone(), &["fold.samples"], |plan, second, _| {
        second.dot[plan.grid.row(plan.grid.stop()) + 3] += Fr::ONE;
    });
}

/// Attacks `dot`.
#[test]
pub(crate) fn rejects_a_dot_chain_that_is_bent() {
    // Rows of the activations' product are moved by what the false rounding needs.
    let f = quiet();
    let relu = f.plan.relu.clone().unwrap();
    let mut first = f.first.clone();
    let at = base(&f.plan, 1, 0, 0);
    let value = integer(&limbs(&f.plan, &first, &relu.remainder, at)).unwrap();
    put_limbs(&f.plan, &mut first, &relu.remainder, at, value ^ 1);
    count(&f.plan, &mut first);
    let sign = if value & 1 == 0 { Fr::ONE } else { -Fr::ONE };
    rejects_second(first, &["dot"], move |plan, second, ch| {
        let weight = ch.theta.pow([(R * R) as u64]) * ch.theta.invert().unwrap();
        second.dot[plan.grid.row(plan.grid.gap(1)) - R] += sign * weight;
    });
}

/// Attacks `start.input` and `gap.input`.
#[test]
pub(crate) fn rejects_input_folds_that_do_not_start_at_zero() {
    // A phantom sample has no signals, so nothing else sees its inputs.
    for (name, gap, end) in [("start.input", 0, 1), ("gap.input", 1, 2)] {
        rejects_second(quiet().first.clone(), &[name], move |plan, second, ch| {
            let u = ch.upsilon.pow([R as u64]);
            let mut delta = Fr::ONE;
            for block in plan.grid.gap(gap)..plan.grid.gap(end) {
                second.input[plan.grid.row(block) + 3] += delta;
                delta *= u;
            }
        });
    }
}

/// Attacks `gap.update` and `start.update`.
#[test]
pub(crate) fn rejects_update_folds_that_do_not_start_at_zero() {
    for (name, l) in [("start.update", 1), ("gap.update", 2)] {
        rejects_second(false_update(l), &[name], move |plan, second, ch| {
            let (_, row) = plan.grid.weight(l, 0, 0);
            let start = plan.grid.row(plan.grid.input(l, 0)) - 1;
            let end = plan.grid.row(plan.grid.gap(l));
            let mut delta = -weight_at_end(plan, l, row, ch) * weight_at_end(plan, l, start, ch).invert().unwrap();
            for last in (start..end).step_by(4) {
                second.dot[last - 2] += delta;
                delta *= ch.upsilon.pow([4]);
            }
        });
    }
}

/// Attacks `stop.pre` and `stop.loss`.
#[test]
pub(crate) fn rejects_unit_folds_that_do_not_start_at_zero() {
    let f = quiet();
    let relu = f.plan.relu.clone().unwrap();
    let pre = ("stop.pre", 1, relu.remainder.clone(), f.plan.pre_fold);
    let output = ("stop.pre", 2, f.plan.signal.remainder.clone(), f.plan.pre_fold);
    let back = ("stop.loss", 1, f.plan.signal.remainder.clone(), f.plan.loss_fold);
    for (name, l, remainder, lane) in [pre, output, back] {
        // A false rounding in the first unit, made good by the fold's start.
        let mut first = f.first.clone();
        let at = base(&f.plan, l, 0, 0);
        let value = integer(&limbs(&f.plan, &first, &remainder, at)).unwrap();
        put_limbs(&f.plan, &mut first, &remainder, at, value ^ 1);
        count(&f.plan, &mut first);
        let sign = if value & 1 == 0 { -Fr::ONE } else { Fr::ONE };
        rejects_second(first, &[name], move |plan, second, ch| {
            let rows = plan.unit_rows(l);
            for row in rows.start..=rows.end {
                second.chain[lane.column][lane.at(row)] += sign * ch.theta.pow([(row - rows.start) as u64]);
            }
            // The sums over the samples go on from the fold.
            if lane == plan.pre_fold {
                for row in rows.start - R..rows.start {
                    second.chain[lane.column][lane.at(row)] += sign;
                }
            }
        });
    }
}

/// Attacks `stop.signal`.
#[test]
pub(crate) fn rejects_signal_folds_that_do_not_start_at_zero() {
    rejects_second(false_update(2), &["stop.signal"], |plan, second, ch| {
        let (_, row) = plan.grid.weight(2, 0, 0);
        let dot_row = plan.grid.row(plan.grid.gap(2));
        let input = second.input[dot_row - R];
        // What the dot of inputs and signals must grow by, and the signal of sample 0 for that.
        let need = weight_at_end(plan, 2, row, ch) * ch.upsilon.pow([R as u64 - 1]).invert().unwrap();
        let mut delta = need * input.invert().unwrap();
        for k in 0..=3 {
            let at = plan.signal_fold.at(plan.unit_rows(2).start + k * R);
            second.chain[plan.signal_fold.column][at] += delta;
            delta *= ch.upsilon;
        }
        second.chain[plan.pre_fold.column][plan.pre_fold.at(dot_row)] += need;
    });
}

/// Attacks `gradient.dot`.
#[test]
pub(crate) fn rejects_a_dot_of_inputs_and_signals_that_is_bent() {
    for l in 1..=2 {
        rejects_second(false_update(l), &["gradient.dot"], move |plan, second, ch| {
            let (_, row) = plan.grid.weight(l, 0, 0);
            let need = weight_at_end(plan, l, row, ch) * ch.upsilon.pow([R as u64 - 1]).invert().unwrap();
            second.chain[plan.pre_fold.column][plan.pre_fold.at(plan.grid.row(plan.grid.gap(l)))] += need;
        });
    }
}

// ------------------------------------------------------------------------------------------- units

/// Attacks `hidden.fold.pre`, `hidden.fold.back` and `output.fold.pre`.
#[test]
pub(crate) fn rejects_folds_of_units_that_are_not_the_units() {
    let f = quiet();
    let relu = f.plan.relu.clone().unwrap();
    for (name, l, remainder, lane) in [
        ("hidden.fold.pre", 1, &relu.remainder, f.plan.pre_fold),
        ("hidden.fold.back", 1, &f.plan.signal.remainder, f.plan.loss_fold),
        ("output.fold.pre", 2, &f.plan.signal.remainder, f.plan.pre_fold),
    ] {
        let mut first = f.first.clone();
        let at = base(&f.plan, l, 1, 1);
        let value = integer(&limbs(&f.plan, &first, remainder, at)).unwrap();
        put_limbs(&f.plan, &mut first, remainder, at, value ^ 1);
        count(&f.plan, &mut first);
        rejects_second(first, &[name], move |plan, second, ch| {
            let honest = Phase2::new(plan, &quiet().first, ch);
            copy_lane(plan, lane, &honest, second);
        });
    }
}

/// Attacks `hidden.fold.signal`.
#[test]
pub(crate) fn rejects_a_signal_fold_that_ignores_the_mask() {
    // Unit 1 of record 1 is inactive; the update is settled as if its signal passed.
    let f = quiet();
    let relu = f.plan.relu.clone().unwrap();
    let at = base(&f.plan, 1, 1, 1);
    let honest = f.first.clone();
    let mut open = honest.clone();
    open.aux[relu.below.column][relu.below.at(at)] = Fr::ZERO;
    put_limbs(&f.plan, &mut open, &f.plan.signal.quotient, at, 128 + 50);
    settle(&f.plan, &mut open);
    let mut first = open.clone();
    first.aux[relu.below.column][relu.below.at(at)] = Fr::ONE;
    put_limbs(&f.plan, &mut first, &f.plan.signal.quotient, at, 128);
    count(&f.plan, &mut first);
    rejects_second(first, &["hidden.fold.signal"], move |plan, second, ch| {
        let other = Phase2::new(plan, &open, ch);
        copy_lane(plan, plan.signal_fold, &other, second);
        copy_sums(plan, 1, &other, second);
    });
}

/// Attacks `output.fold.signal`.
#[test]
pub(crate) fn rejects_an_output_signal_that_is_not_the_residual() {
    let f = quiet();
    let at = base(&f.plan, 2, 2, 1);
    let mut open = f.first.clone();
    open.aux[0][at] += Fr::from(3);
    settle(&f.plan, &mut open);
    let mut first = open.clone();
    first.aux[0][at] -= Fr::from(3);
    recount(&f.plan, &mut first);
    rejects_second(first, &["output.fold.signal"], move |plan, second, ch| {
        let other = Phase2::new(plan, &open, ch);
        copy_lane(plan, plan.signal_fold, &other, second);
        copy_sums(plan, 2, &other, second);
    });
}

/// Attacks `loss`.
#[test]
pub(crate) fn rejects_a_loss_that_does_not_count_or_starts_below_zero() {
    let f = quiet();
    let loss = Fr::from(f.trace.loss as u64);
    let mut first = f.first.clone();
    first.loss_bound = Fr::ONE;
    recount(&f.plan, &mut first);
    first.aux[0][f.plan.buckets().1.start] = Fr::ZERO;
    put_buckets(&f.plan, &mut first);
    count(&f.plan, &mut first);
    rejects_second(first.clone(), &["loss"], |plan, second, _| {
        for row in plan.unit_rows(2) {
            second.chain[plan.loss_fold.column][plan.loss_fold.at(row)] = Fr::ZERO;
        }
    });
    rejects_second(first, &["stop.loss"], move |plan, second, _| {
        for row in plan.unit_rows(2).start..=plan.unit_rows(2).end {
            second.chain[plan.loss_fold.column][plan.loss_fold.at(row)] -= loss;
        }
    });
}

/// Attacks `backward.signal`.
#[test]
pub(crate) fn rejects_a_backward_signal_that_is_not_the_unit_and_updates_beside_it() {
    let profile = shape(&[3, 4, 3, 2], 3, 1, 4).unwrap();
    let (mut model, shard) = random_step(&profile, 4);
    // Unit 2 of the second layer is fed by nothing, so its transposed weights are zero.
    (0..4).for_each(|j| model.layers[1].weights[j * 3 + 2] = 0);
    let f = Fixture::new(profile, model, shard);
    let keys = Keys::new(&f);
    assert!(keys.accepts(&f, &f.claim()));
    let mut first = f.first.clone();
    first.aux[0][f.plan.grid.row(f.plan.grid.transposed(2, 2))] += Fr::ONE;
    rejects(&f, &keys, &Claim::of(first), &["backward.signal"]);
    let mut first = f.first.clone();
    let row = f.plan.grid.row(f.plan.grid.transposed(2, 0));
    first.d[0][row] = Fr::from(3);
    rejects(&f, &keys, &Claim::of(first), &["backward", "lookup.total"]);
}

// ----------------------------------------------------------------------------------- lookups, state

/// Attacks `lookup`.
#[test]
pub(crate) fn rejects_values_off_the_table_that_are_summed_as_others() {
    // In each column a cell that nothing but the lookup reads.
    let f = quiet();
    for column in f.plan.area.columns.clone() {
        let claim = |row: usize| {
            let mut first = f.first.clone();
            first.aux[column][row] = Fr::from(1 << 20);
            Claim::two_faced(&f.plan, first, f.first.clone())
        };
        let only_looked_up = |row: &usize| f.audit(&claim(*row), 1).failing_names() == names(&["lookup"]);
        let row = f.plan.area.rows.clone().find(only_looked_up).expect("a spare cell");
        rejects(f, toy_keys(), &claim(row), &["lookup"]);
    }
}

/// Attacks `table`.
#[test]
pub(crate) fn rejects_sums_of_other_limbs_and_multiplicities() {
    rejects_two_faced(&["lookup"], |f, first| {
        let quotient = &f.plan.signal.quotient;
        let at = large_quotient(&f.plan, first);
        let (low, high) = (quotient.lanes[0], quotient.lanes[1]);
        first.aux[low.column][low.at(at)] += Fr::from(16);
        first.aux[high.column][high.at(at)] -= Fr::ONE;
    });
    rejects_two_faced(&["table"], |f, first| first.aux[0][f.plan.table_row + 3] += Fr::ONE);
}

/// Attacks `lookup.start`.
#[test]
pub(crate) fn rejects_sums_that_something_else_makes_good() {
    // One looked-up value too many, made good by the last fold of the update.
    let f = quiet();
    let mut first = f.first.clone();
    first.aux[0][f.plan.table_row + 7] += Fr::ONE;
    rejects_second(first.clone(), &["fold.update"], |plan, second, ch| {
        second.dot[plan.grid.row(plan.grid.end()) - 3] += (ch.alpha - Fr::from(7)).invert().unwrap();
    });
    // The same at the start of the limbs' sum.
    rejects_second(first, &["lookup.start"], |plan, second, ch| {
        let more = (ch.alpha - Fr::from(7)).invert().unwrap();
        let columns = plan.area.columns.len();
        second.chain[columns - 1][plan.area.rows.start - 1] += more;
        for column in &mut second.chain[..columns] {
            column[plan.area.rows.clone()].iter_mut().for_each(|sum| *sum += more);
        }
    });
}

/// Attacks `state` and `start`.
#[test]
pub(crate) fn rejects_a_norm_that_forgets_a_layer() {
    let f = quiet();
    let grid = &f.plan.grid;
    let state = |l: usize| f.first.aux[0][grid.row(grid.gap(l)) + STATE_ROW];
    let layer = f.first.norm_bound - Fr::ONE - state(1);
    assert_ne!(layer, Fr::ZERO);
    // The state of gap `from` and later without the first layer's norm.
    let forget = |from: usize| {
        let mut first = f.first.clone();
        for l in from..=2 {
            put_state(&f.plan, &mut first, l, state(l) + layer);
        }
        put_buckets(&f.plan, &mut first);
        count(&f.plan, &mut first);
        first
    };
    for (name, from, section) in [("start", 1, 1), ("state", 2, 2)] {
        rejects_second(forget(from), &[name], move |plan, second, ch| {
            let start = plan.grid.row(plan.grid.gap(section - 1));
            for row in (start..plan.grid.row(plan.grid.gap(section))).step_by(R) {
                second.dot[row] -= ch.mu * layer;
            }
        });
    }
}
