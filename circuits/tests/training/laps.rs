//! Attacks on runs of several steps: each keeps all other books, so one constraint alone is in its way.

use super::support::cheat::{count, loss, put_buckets, recount, recount_from};
use super::support::proving::Keys;
use super::support::{names, random_step, rejects, shape, structure, with_laps, with_softmax, Claim, Fixture};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use std::sync::{Arc, OnceLock};
use zkpoc_circuits::field::signed;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{run, RunTrace, Update};
use zkpoc_circuits::training::phase2::{ChallengeValues, Phase2};
use zkpoc_circuits::training::plan::{Lane, STATE_ROW};
use zkpoc_circuits::training::{Phase1, Plan};

/// A small run of `steps` steps, with weight columns in laps of their own.
fn small(steps: u64, columns: usize, softmax: bool) -> Profile {
    let one = shape(&[3, 4, 4], 3, columns, 4).expect("a layout");
    with_laps(if softmax { with_softmax(Profile { k: one.k + 1, ..one }) } else { one }, steps)
}

/// Two steps of cross-entropy, two weight columns.
pub(crate) fn profile() -> Profile {
    Profile { name: "laps".into(), ..small(2, 2, true) }
}

/// Its last output is never a label and so small that its probability is zero: its signal is, too, and its weights stay zero.
pub(crate) fn two() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let (mut model, mut shard) = random_step(&profile(), 5);
        let output = &mut model.layers[1];
        (0..4).for_each(|j| output.weights[j * 4 + 3] = 0);
        output.bias = vec![40, 37, 35, -127];
        output.weights.iter_mut().for_each(|w| *w /= 16);
        shard.labels = vec![2, 0, 1, 1, 2, 0];
        let f = Fixture::new(profile(), model, shard);
        assert!(f.run.steps.iter().all(|step| step.signals[1].iter().skip(3).step_by(4).all(|dz| *dz == 0)));
        assert!(f.run.steps.iter().all(|step| step.update.norm() > 0), "a step that changes nothing");
        f
    })
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys::new(two()))
}

/// Rejects a first phase with everything else derived from it.
#[track_caller]
fn rejects_first(expected: &[&str], first: Phase1) {
    rejects(two(), keys(), &Claim::of(first), expected);
}

/// Rejects a first phase with a bent second one.
#[track_caller]
fn rejects_second(
    expected: &[&str],
    first: Phase1,
    tamper: impl Fn(&Plan, &mut Phase2, &ChallengeValues) + Send + Sync + 'static,
) {
    let plan = two().plan.clone();
    rejects(two(), keys(), &Claim::tampered(first, Arc::new(move |second, ch| tamper(&plan, second, ch))), expected);
}

/// A first phase of any weights, steps and update.
fn laid_out(trace: RunTrace) -> Phase1 {
    let f = two();
    let log2 = |v: u128, most: u32| (128 - v.leading_zeros() + 2).min(most);
    let (norm, loss) = f.plan.bucket_bits();
    let (norm, loss) = (log2(trace.norm, norm), log2(trace.loss, loss));
    Phase1::new(&f.plan, &f.model, &f.shard, &trace, norm, loss).expect("buckets hold")
}

/// The sum of the first steps of a run, times the rate.
fn total(run: &RunTrace, steps: std::ops::Range<usize>) -> Update {
    let mut sum = Update::zero(&two().profile);
    for step in &run.steps[steps] {
        (0..4).for_each(|_| sum.add(&step.update));
    }
    sum
}

fn with(trace: RunTrace, update: Update) -> RunTrace {
    let (norm, loss) = (update.norm(), trace.steps.iter().map(|step| step.loss).sum());
    RunTrace { update, norm, loss, ..trace }
}

/// The run from another model.
fn other(weight: usize) -> RunTrace {
    let mut model = two().model.clone();
    model.layers[0].weights[weight] += 9;
    run(&two().profile, &model, &two().shard).expect("a run")
}

#[test]
fn accepts_runs_of_two_and_four_steps() {
    for (steps, columns, softmax) in
        [(2, 1, false), (4, 1, true), (2, 2, true), (2, 4, false), (4, 2, false), (4, 4, true)]
    {
        let profile = small(steps, columns, softmax);
        assert_eq!(profile.validate(), Ok(()));
        let f = Fixture::random(profile, steps);
        let audit = f.audit(&f.claim(), 1);
        assert_eq!(audit.failing_names(), names(&[]), "{steps} steps, {columns} columns");
        structure::training(&f, &audit, &format!("{steps} steps, {columns} columns"));
        let keys = Keys::new(&f);
        assert!(keys.accepts(&f, &f.claim()));
    }
    assert_eq!(laid_out(with(two().run.clone(), total(&two().run, 0..2))).d, two().first.d);
}

/// Attacks `update.zone`: in the end block, in gaps, in the place of no weight, beside a copy and beside weights.
#[test]
pub(crate) fn rejects_an_update_of_a_run_with_values_in_its_padding() {
    let f = two();
    let grid = &f.plan.grid;
    for row in
        [grid.row(grid.stop()) + 2, grid.row(grid.gap(1)) + 2, grid.lap(1) + grid.row(grid.gap(2)), grid.lap(1) - 3]
    {
        let mut first = f.first.clone();
        first.d[0][row] += Fr::ONE;
        rejects_first(&["update.zone"], first);
    }
    // Beside a copy the norm would count it among the products.
    let mut first = f.first.clone();
    first.d[0][grid.transposed_weight(2, 0, 0).1] += Fr::ONE;
    rejects_first(&["backward", "update.zone"], first);
    // In the section of weights the product has no such power either.
    let mut first = f.first.clone();
    first.d[0][grid.row(grid.input(1, 0)) + 3] += Fr::ONE;
    recount(&f.plan, &mut first);
    rejects_first(&["gradient", "update.zone"], first);
}

/// Attacks `model`: a run from another model than the committed one.
#[test]
pub(crate) fn rejects_a_run_that_starts_from_another_model() {
    // In each weight column.
    for weight in 0..2 {
        let first = laid_out(other(weight));
        assert_eq!(first.w, two().first.w);
        rejects_first(&["model"], first);
    }
}

/// Attacks `gradient`: laps that do not follow each other.
#[test]
pub(crate) fn rejects_steps_that_do_not_follow_each_other() {
    let (honest, other) = (two().run.clone(), other(1));
    // The second step from other weights than the first one ended with; the update makes good for the difference.
    let mut trace = honest.clone();
    (trace.weights[1], trace.steps[1]) = (other.weights[1].clone(), other.steps[1].clone());
    let mut update = total(&honest, 0..1);
    update.add(&total(&other, 1..2));
    rejects_first(&["gradient"], laid_out(with(trace, update)));
    // A step that is skipped: the second one starts from the first weights.
    let again = {
        let mut swapped = two().shard.clone();
        swapped.features.rotate_left(9);
        swapped.labels.rotate_left(3);
        run(&two().profile, &two().model, &swapped).expect("a run")
    };
    let mut trace = honest.clone();
    (trace.weights[1], trace.steps[1]) = (honest.weights[0].clone(), again.steps[0].clone());
    rejects_first(&["gradient"], laid_out(with(trace.clone(), again.steps[0].update.clone())));
    rejects_first(&["gradient"], laid_out(with(trace, total(&again, 0..1))));
    // The update of a run cut short, and of its last step alone.
    rejects_first(&["gradient"], laid_out(with(honest.clone(), total(&honest, 0..1))));
    rejects_first(&["gradient"], laid_out(with(honest.clone(), total(&honest, 1..2))));
    // The change of one step moved to the other: the weights between them are others, the update is the same.
    let mut trace = honest.clone();
    trace.weights[1] = other.weights[1].clone();
    trace.steps[1] = other.steps[1].clone();
    let names = {
        let f = two();
        f.audit(&Claim::of(laid_out(with(trace, honest.update.clone()))), 1).failing_names()
    };
    assert_eq!(names, super::support::names(&["gradient"]));
    // One cell of the update off by one, or of the weights in between.
    let f = two();
    for c in 0..2 {
        let mut first = f.first.clone();
        let (column, row) = f.plan.grid.weight(1, 1, c);
        assert_eq!(row / f.plan.grid.height(), c);
        first.d[column][row] += Fr::ONE;
        recount(&f.plan, &mut first);
        rejects_first(&["gradient"], first);
    }
}

/// A copy of a weight of the last output, whose signal is zero, off by one in the second lap.
fn false_copy() -> Phase1 {
    let f = two();
    let grid = &f.plan.grid;
    let mut first = f.first.clone();
    first.v[1][grid.lap(1) + grid.row(grid.transposed(2, 3))] += Fr::ONE;
    first
}

/// Attacks `transposed`.
#[test]
pub(crate) fn rejects_a_copy_of_a_fine_weight_that_is_another() {
    rejects_first(&["transposed"], false_copy());
}

/// Attacks `fold.copies` and `turn`.
#[test]
pub(crate) fn rejects_folds_of_copies_that_are_bent() {
    rejects_second(&["fold.copies"], false_copy(), |plan, second, ch| {
        second.total[0] = Phase2::new(plan, &two().first, ch).total[0].clone();
    });
    rejects_second(&["turn"], false_copy(), |plan, second, ch| {
        let honest = Phase2::new(plan, &two().first, ch);
        let (grid, rows) = (&plan.grid, plan.grid.rows_per_block);
        for end in (grid.output(0)..grid.end()).map(|block| grid.lap(1) + grid.row(block) + rows - 2) {
            second.total[0][end] = honest.total[0][end];
        }
    });
}

/// The honest first phase with an update cell of layer `l` one too large.
fn false_update(l: usize) -> Phase1 {
    let f = two();
    let mut first = f.first.clone();
    let (column, row) = f.plan.grid.weight(l, 0, 0);
    first.d[column][row] += Fr::ONE;
    recount(&f.plan, &mut first);
    first
}

/// Attacks `fold.total`, `start.total` and `gap.total`.
#[test]
pub(crate) fn rejects_folds_of_the_update_that_are_bent() {
    rejects_second(&["fold.total"], false_update(1), |plan, second, ch| {
        second.total = Phase2::new(plan, &two().first, ch).total;
    });
    for (l, expected) in [(1, "start.total"), (2, "gap.total")] {
        rejects_second(&[expected], false_update(l), move |plan, second, ch| {
            let (grid, honest) = (&plan.grid, Phase2::new(plan, &two().first, ch));
            // The honest fold but for a start that makes good for the cell.
            let section = grid.row(grid.input(l, 0))..grid.row(grid.gap(l));
            let step = ch.upsilon.pow([4 * grid.width as u64]).invert().unwrap();
            let first = section.start + 3;
            let wrong = second.total[0][first] - honest.total[0][first];
            second.total[0][section.start - 1] = -wrong * step;
            section.for_each(|row| second.total[0][row] = honest.total[0][row]);
        });
    }
}

/// Attacks `start.carry`: the norm of the second lap alone.
#[test]
pub(crate) fn rejects_a_norm_that_forgets_a_lap() {
    let f = two();
    let mut first = f.first.clone();
    let grid = &f.plan.grid;
    let before = f.first.aux[0][grid.row(grid.gap(2)) + STATE_ROW];
    let start = f.first.norm_bound - Fr::ONE;
    recount_from(&f.plan, &mut first, 1, start);
    rejects_second(&["start.carry"], first, move |plan, second, ch| {
        let grid = &plan.grid;
        let groups = grid.lap(1) + grid.row(1)..=grid.lap(1) + grid.row(grid.gap(1));
        groups.step_by(4).for_each(|end| second.dot[end - 4] += ch.mu * (before - start));
    });
}

/// One more of a value in the table, which a sum makes good for from some lap on.
fn miscounted(row: usize) -> Phase1 {
    let mut first = two().first.clone();
    first.aux[0][row] += Fr::ONE;
    first
}

/// Attacks `lookup.start` and `lookup.carry`.
#[test]
pub(crate) fn rejects_lookups_that_do_not_go_on_from_lap_to_lap() {
    for (lap, expected) in [(0, "lookup.start"), (1, "lookup.carry")] {
        rejects_second(&[expected], miscounted(two().plan.table_row + 3), move |plan, second, ch| {
            let (grid, area) = (&plan.grid, &plan.area);
            let more = (ch.alpha - Fr::from(3)).invert().unwrap();
            let last = area.columns.len() - 1;
            for lap in lap..grid.laps {
                second.chain[last][grid.lap(lap) + area.rows.start - 1] += more;
                for row in area.rows.clone().map(|row| grid.lap(lap) + row) {
                    (0..=last).for_each(|column| second.chain[column][row] += more);
                }
            }
        });
    }
}

/// Adds to a sum over the outputs in the laps up to one, its end included.
fn shift(plan: &Plan, second: &mut Phase2, lane: Lane, last: usize, by: Fr) {
    let rows = plan.unit_rows(plan.grid.depth());
    for lap in 0..=last {
        for base in rows.start..=rows.end {
            second.chain[lane.column][plan.grid.lap(lap) + lane.at(base)] += by;
        }
    }
}

/// Attacks `loss.start` and `loss.carry`.
#[test]
pub(crate) fn rejects_a_loss_that_does_not_go_on_from_lap_to_lap() {
    for (last, expected) in [(1, "loss.start"), (0, "loss.carry")] {
        let f = two();
        let mut first = f.first.clone();
        let by = loss(&f.plan, &first);
        first.aux[0][f.plan.buckets().1.start] += by;
        put_buckets(&f.plan, &mut first);
        count(&f.plan, &mut first);
        rejects_second(&[expected], first, move |plan, second, _| shift(plan, second, plan.loss_fold, last, -by));
    }
}

/// Attacks `exp.start` and `exp.carry`.
#[test]
pub(crate) fn rejects_exponentials_that_do_not_go_on_from_lap_to_lap() {
    for (last, expected) in [(1, "exp.start"), (0, "exp.carry")] {
        let row = two().plan.exponential_rows().start + 2;
        rejects_second(&[expected], miscounted(row), move |plan, second, ch| {
            let lane = plan.softmax.as_ref().expect("a softmax").looked_up;
            let pair = Fr::from(2) + ch.mu * signed(plan.exponentials[2].into());
            shift(plan, second, lane, last, (ch.alpha - pair).invert().unwrap());
        });
    }
}

/// Attacks `stop.loss` of a hidden layer: back-propagated sums whose fold does not begin at zero.
#[test]
pub(crate) fn rejects_back_propagated_sums_that_do_not_start_at_zero() {
    let f = two();
    let plan = &f.plan;
    let mut first = f.first.clone();
    let signal = &plan.signal;
    // Another remainder, so another sum, for the last sample of the last hidden unit.
    let base = plan.grid.lap(1) + plan.unit_rows(1).end - 1;
    let lane = signal.remainder.lanes[0];
    let cell = &mut first.aux[lane.column][lane.at(base)];
    let by = if *cell == Fr::ZERO { Fr::ONE } else { -Fr::ONE };
    *cell += by;
    count(plan, &mut first);
    let gain = signal.shift - f.profile.backprop_shift;
    let by = by * Fr::from(1 << gain).invert().unwrap();
    rejects_second(&["stop.loss"], first, move |plan, second, ch| {
        let lane = plan.loss_fold;
        let honest = Phase2::new(plan, &two().first, ch);
        for row in plan.unit_rows(1).map(|row| lane.at(plan.grid.lap(1) + row)) {
            second.chain[lane.column][row] = honest.chain[lane.column][row];
        }
        second.chain[lane.column][lane.at(base + 1)] = -by * ch.theta;
    });
}
