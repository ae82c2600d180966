//! Attacks on the softmax: each keeps all other books, so one constraint alone is in its way.

use super::support::cheat::{base, count, put_limbs, settle};
use super::support::proving::Keys;
use super::support::{names, random_step, rejects, Claim, Fixture};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use std::sync::{Arc, OnceLock};
use zkpoc_circuits::field::signed;
use zkpoc_circuits::profile::{Loss, OutputTable, Profile};
use zkpoc_circuits::reference::{output_table, Probabilities};
use zkpoc_circuits::training::phase2::{ChallengeValues, Phase2};
use zkpoc_circuits::training::plan::Lane;
use zkpoc_circuits::training::{Phase1, Plan};

/// A small network with the loss `cross-entropy`.
pub(crate) fn profile() -> Profile {
    Profile {
        name: "soft".into(),
        layers: vec![5, 4, 3],
        loss: Loss::CrossEntropy,
        // Two steps of the table are a unit of the exponent: target / 2^activation_shift.
        output_table: Some(OutputTable { table_bits: 4, exponent_bits: 6, probability_bits: 4 }),
        activation_shift: 4,
        residual_shift: 1,
        target: 1 << 5,
        k: 9,
        ..Profile::builtin("toy").expect("a built-in profile")
    }
}

/// Its outputs are their biases, so that a change of a signal stays local: distances of 0, 45 and 600, the last beyond the table.
pub(crate) fn soft() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let (mut model, shard) = random_step(&profile(), 5);
        model.layers[1].weights.fill(0);
        model.layers[1].bias = vec![20, 17, -20];
        Fixture::new(profile(), model, shard)
    })
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys::new(soft()))
}

/// The cells of one sample, by output; where there is one more, it is that of the end block.
#[derive(Clone)]
struct Cells {
    max: [i128; 4],
    index: [u128; 3],
    excess: [u128; 3],
    remainder: [u128; 3],
    hot: [i128; 3],
    count: [i128; 4],
    exp: [i128; 3],
    part: [i128; 4],
    sum: [i128; 4],
    share: [i128; 3],
    rest: [i128; 3],
    short: [i128; 3],
}

/// The sample that is cheated on.
const SAMPLE: usize = 1;

impl Cells {
    /// What a prover should commit to, for outputs below a largest one that is `raised` above the true one.
    fn raised(by: i128) -> Self {
        let f = soft();
        let outputs = &f.trace.pre[1][SAMPLE * 3..SAMPLE * 3 + 3];
        let max = i128::from(*outputs.iter().max().expect("outputs")) + by;
        let distance = |k: usize| (max - i128::from(outputs[k])) as u128;
        let whole = |k: usize| distance(k) >> f.profile.output_shift();
        let table = output_table(&f.profile);
        let index = [0, 1, 2].map(|k| whole(k).min(table.len() as u128 - 1));
        let mut cells = Cells {
            max: [max; 4],
            index,
            excess: [0, 1, 2].map(|k| whole(k) - index[k]),
            remainder: [0, 1, 2].map(|k| distance(k) - (whole(k) << f.profile.output_shift())),
            hot: [i128::from(by == 0), 0, 0],
            count: [0; 4],
            exp: index.map(|u| i128::from(table[u as usize])),
            part: [0; 4],
            sum: [0; 4],
            share: [0; 3],
            rest: [0; 3],
            short: [0; 3],
        };
        cells.add_up();
        cells
    }

    fn honest() -> Self {
        Cells::raised(0)
    }

    /// Counts, sums and divisions from `hot` and `exp`.
    fn add_up(&mut self) {
        for k in (0..3).rev() {
            self.count[k] = self.count[k + 1] + self.hot[k];
            self.part[k] = self.part[k + 1] + self.exp[k];
        }
        self.sum = [self.part[0]; 4];
        self.divide();
    }

    fn divide(&mut self) {
        let bits = soft().profile.softmax().expect("a softmax").probability_bits;
        for k in 0..3 {
            let scaled = (self.exp[k] << (bits + 1)) + self.sum[k];
            self.share[k] = scaled.div_euclid(2 * self.sum[k]);
            self.rest[k] = scaled.rem_euclid(2 * self.sum[k]);
            self.short[k] = 2 * self.sum[k] - 1 - self.rest[k];
        }
    }

    /// Commits to them, and to all that follows.
    fn put(&self, first: &mut Phase1) {
        let f = soft();
        let (plan, sizes) = (&f.plan, f.profile.softmax().expect("a softmax"));
        let lanes = plan.softmax.as_ref().expect("a softmax");
        let mut set = |lane: Lane, base: usize, value: i128| first.aux[lane.column][lane.at(base)] = signed(value);
        for k in 0..4 {
            let at = base(plan, 2, k, SAMPLE);
            let cells = [(lanes.max, self.max[k]), (lanes.count, self.count[k])];
            let sums = [(lanes.partial, self.part[k]), (lanes.sum, self.sum[k])];
            cells.into_iter().chain(sums).for_each(|(lane, value)| set(lane, at, value));
        }
        for k in 0..3 {
            let at = base(plan, 2, k, SAMPLE);
            set(lanes.hot, at, self.hot[k]);
            set(lanes.exp, at, self.exp[k]);
        }
        for k in 0..3 {
            let at = base(plan, 2, k, SAMPLE);
            put_limbs(plan, first, &plan.signal.quotient, at, self.index[k]);
            put_limbs(plan, first, &plan.signal.excess, at, self.excess[k]);
            put_limbs(plan, first, &plan.signal.remainder, at, self.remainder[k]);
            put_limbs(plan, first, &lanes.share, at, self.share[k] as u128);
            put_limbs(plan, first, &lanes.rest, at, self.rest[k] as u128);
            put_limbs(plan, first, &lanes.short, at, self.short[k] as u128);
            let label = usize::from(f.shard.labels[SAMPLE]) == k;
            let one = if label { 1 << sizes.probability_bits } else { 0 };
            first.aux[0][at] = signed(self.share[k] - one);
        }
        settle(plan, first);
    }

    fn committed(&self) -> Phase1 {
        let mut first = soft().first.clone();
        self.put(&mut first);
        first
    }
}

fn refused(expected: &[&str], edit: impl FnOnce(&mut Cells)) {
    let mut cells = Cells::honest();
    edit(&mut cells);
    rejects(soft(), keys(), &Claim::of(cells.committed()), expected);
}

fn refused_second(
    first: Phase1,
    expected: &[&str],
    tamper: impl Fn(&Plan, &mut Phase2, &ChallengeValues) + Send + Sync + 'static,
) {
    let plan = soft().plan.clone();
    let claim = Claim::tampered(first, Arc::new(move |second, ch| tamper(&plan, second, ch)));
    rejects(soft(), keys(), &claim, expected);
}

#[test]
fn accepts_a_step_of_cross_entropy() {
    let f = soft();
    for first in [f.first.clone(), Cells::honest().committed()] {
        let claim = Claim::of(first);
        assert_eq!(f.audit(&claim, 3).failing_names(), names(&[]));
        assert!(keys().accepts(f, &claim));
    }
    assert_eq!(Cells::honest().committed(), f.first, "what the attacks start from is the witness");
    let random = Fixture::random(profile(), 7);
    assert!(keys().accepts(&random, &random.claim()));
}

/// Without hidden units the shift of back-propagated sums rounds nothing, and may be larger than the bits of any remainder.
#[test]
fn accepts_a_step_without_hidden_units_whatever_their_shift() {
    for loss in [Loss::CrossEntropy, Loss::SquaredError] {
        let mut profile = Profile { layers: vec![5, 3], backprop_shift: 40, loss, ..profile() };
        if loss == Loss::SquaredError {
            profile.output_table = None;
        }
        profile.validate().expect("a profile that works");
        let f = Fixture::random(profile, 3);
        assert_eq!(f.audit(&f.claim(), 1).failing_names(), names(&[]));
    }
}

/// Several outputs may be the largest; any of them may be named, and any weights that add up to one.
#[test]
fn accepts_ties_for_the_largest_output() {
    let (mut model, shard) = random_step(&profile(), 6);
    model.layers[1].weights.fill(0);
    model.layers[1].bias = vec![9, 9, 9];
    let f = Fixture::new(profile(), model, shard);
    let softmax = f.profile.softmax().unwrap();
    let share = Probabilities::of(4, softmax, &output_table(&f.profile), &[135, 135, 135]).share;
    assert_eq!(share, [5, 5, 5], "16 / 3, rounded");
    let lanes = f.plan.softmax.clone().unwrap();
    let mut first = f.first.clone();
    // 5 at the first output and -4 at the second: their sum is one.
    for (k, hot, sum) in [(0, 5, 1), (1, -4, -4)] {
        let at = base(&f.plan, 2, k, SAMPLE);
        first.aux[lanes.hot.column][lanes.hot.at(at)] = signed(hot);
        first.aux[lanes.count.column][lanes.count.at(at)] = signed(sum);
    }
    for claim in [f.claim(), Claim::of(first)] {
        assert_eq!(f.audit(&claim, 2).failing_names(), names(&[]));
    }
}

/// Attacks `softmax.index`.
#[test]
pub(crate) fn rejects_an_index_that_is_capped_early() {
    refused(&["softmax.index"], |cells| {
        let table = output_table(&soft().profile);
        assert_eq!((cells.index[1], cells.excess[1]), (2, 0));
        (cells.index[1], cells.excess[1]) = (1, 1);
        cells.exp[1] = i128::from(table[1]);
        cells.add_up();
    });
}

/// Attacks `softmax.max`.
#[test]
pub(crate) fn rejects_two_largest_outputs_of_a_record() {
    refused(&["softmax.max"], |cells| {
        // The last output is its own largest one.
        let own = i128::from(soft().trace.pre[1][SAMPLE * 3 + 2]);
        (cells.max[2], cells.max[3]) = (own, own);
        (cells.index[2], cells.excess[2], cells.remainder[2]) = (0, 0, 0);
        cells.exp[2] = cells.exp[0];
        cells.add_up();
    });
}

/// Attacks `softmax.hot`, `softmax.count`, `softmax.count.end` and `softmax.one`.
#[test]
pub(crate) fn rejects_a_largest_output_that_no_output_is() {
    type Edit = fn(&mut Cells);
    let edits: [(&str, Edit); 4] = [
        ("softmax.hot", |cells| (cells.hot[0], cells.count[0]) = (1, 1)),
        ("softmax.count", |cells| cells.count[0] = 1),
        ("softmax.count.end", |cells| cells.count = [1; 4]),
        ("softmax.one", |cells| cells.count = [0; 4]),
    ];
    for (name, edit) in edits {
        // All outputs seem nine steps further down than they are, where the table is nearly zero.
        let mut cells = Cells::raised(144);
        edit(&mut cells);
        assert_eq!((cells.share, Cells::honest().share), ([16, 0, 0], [12, 4, 0]));
        rejects(soft(), keys(), &Claim::of(cells.committed()), &[name]);
    }
}

/// Attacks `exp.total`.
#[test]
pub(crate) fn rejects_an_exponential_off_the_table() {
    for by in [1, -3] {
        refused(&["exp.total"], |cells| {
            cells.exp[1] += by;
            cells.add_up();
        });
    }
    // Of another argument.
    refused(&["exp.total"], |cells| {
        cells.exp[1] = 39;
        cells.add_up();
    });
}

/// Attacks `softmax.exp` and `softmax.exp.end`.
#[test]
pub(crate) fn rejects_sums_of_exponentials_that_are_bent() {
    let mut cells = Cells::honest();
    cells.exp[1] += 1;
    cells.add_up();
    let lane = soft().plan.softmax.as_ref().expect("a softmax").looked_up;
    // The sum of the true ones.
    refused_second(cells.committed(), &["softmax.exp"], move |plan, second, ch| {
        let honest = Phase2::new(plan, &soft().first, ch);
        for row in plan.unit_rows(2) {
            second.chain[lane.column][lane.at(row)] = honest.chain[lane.column][lane.at(row)];
        }
    });
    // A start that makes up for what is wrong.
    refused_second(cells.committed(), &["softmax.exp.end"], move |plan, second, ch| {
        let rows = plan.unit_rows(2);
        let honest = Phase2::new(plan, &soft().first, ch);
        let first = lane.at(rows.start);
        let short = honest.chain[lane.column][first] - second.chain[lane.column][first];
        assert_ne!(short, Fr::ZERO);
        (rows.start..=rows.end).for_each(|row| second.chain[lane.column][lane.at(row)] += short);
    });
}

/// Attacks `softmax.part`, `softmax.part.end`, `softmax.total` and `softmax.sum`.
#[test]
pub(crate) fn rejects_a_sum_that_forgets_an_output() {
    type Edit = fn(&mut Cells);
    let edits: [(&str, Edit); 4] = [
        // Without the second output.
        ("softmax.part", |cells| {
            cells.part = [cells.exp[0] + cells.exp[2], cells.exp[2], cells.exp[2], 0];
            cells.sum = [cells.part[0]; 4];
        }),
        ("softmax.part.end", |cells| {
            cells.part.iter_mut().for_each(|part| *part += 10);
            cells.sum = [cells.part[0]; 4];
        }),
        ("softmax.total", |cells| cells.sum = [cells.part[0] + 10; 4]),
        ("softmax.sum", |cells| cells.sum[1..].iter_mut().for_each(|sum| *sum += 10)),
    ];
    for (name, edit) in edits {
        refused(&[name], |cells| {
            edit(cells);
            cells.divide();
        });
    }
}

/// Attacks `softmax.part.idle`.
#[test]
pub(crate) fn rejects_sums_beside_units_that_have_no_softmax() {
    let f = soft();
    let lanes = f.plan.softmax.as_ref().expect("a softmax");
    let mut first = f.first.clone();
    let at = base(&f.plan, 1, 0, SAMPLE);
    for lane in [lanes.partial, lanes.sum] {
        first.aux[lane.column][lane.at(at)] = Fr::from(5);
    }
    count(&f.plan, &mut first);
    rejects(f, keys(), &Claim::of(first), &["softmax.part.idle"]);
}

/// Attacks `softmax.share` and `softmax.rest`.
#[test]
pub(crate) fn rejects_a_share_that_is_not_the_rounded_one() {
    for by in [1, -1] {
        refused(&["softmax.share"], |cells| cells.share[1] += by);
    }
    refused(&["softmax.rest"], |cells| {
        // One less, and a remainder that is not below the divisor.
        cells.share[1] -= 1;
        cells.rest[1] += 2 * cells.sum[1];
        cells.short[1] = 0;
    });
}
