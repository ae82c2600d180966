//! Whole runs: worked out by hand, against a second implementation on drawn profiles, shards that are not full.

use proptest::prelude::*;
use zkpoc_circuits::profile::{FeatureKind, LabelKind, LearningRate, Loss, Mode, OutputTable, Profile};
use zkpoc_circuits::reference::{
    evaluate, output_table, predict, run, step, Layer, Model, ReferenceError, RunTrace, Shard, Update,
};

use super::{builtin, layer};

/// A profile of `circuits/tests/data`.
pub(super) fn local(name: &str) -> Profile {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/{name}.toml"));
    Profile::from_toml(&std::fs::read_to_string(path).expect(name)).expect(name)
}

/// Small profiles: runs and a step of each loss, kind of labels, sign and mode.
pub(super) fn variants() -> Vec<Profile> {
    let table = Some(OutputTable { table_bits: 6, exponent_bits: 7, probability_bits: 7 });
    let cross = Profile {
        name: "cross".into(),
        layers: vec![6, 5, 4, 3],
        batch: 3,
        local_steps: 4,
        feature_kind: FeatureKind::Signed,
        fine_shift: 3,
        activation_shift: 7,
        backprop_shift: 7,
        local_rate: 4,
        signal_bits: 10,
        residual_shift: 5,
        target: 1 << 12,
        loss: Loss::CrossEntropy,
        output_table: table,
        k: 12,
        ..builtin("toy")
    };
    let name = |name: &str| name.to_owned();
    let binary = Profile { name: name("binary"), loss: Loss::BinaryCrossEntropy, ..cross.clone() };
    let squared = Profile { loss: Loss::SquaredError, output_table: None, ..cross.clone() };
    vec![
        Profile { name: name("cross-sum"), mode: Mode::Accumulate, ..cross.clone() },
        Profile { name: name("cross-once"), local_steps: 1, ..cross.clone() },
        cross,
        Profile {
            name: name("multi"),
            label_kind: LabelKind::Multi,
            feature_kind: FeatureKind::Unsigned,
            ..binary.clone()
        },
        binary,
        Profile { name: name("squared-sum"), mode: Mode::Accumulate, ..squared.clone() },
        Profile { name: name("squared"), ..squared },
    ]
}

/// One weight, no hidden layer, two outputs, two steps of one record.
fn small() -> Profile {
    Profile {
        layers: vec![1, 2],
        batch: 1,
        local_steps: 2,
        feature_bits: 4,
        feature_kind: FeatureKind::Signed,
        weight_bits: 8,
        weight_frac_bits: 4,
        fine_shift: 2,
        activation_shift: 6,
        bias_unit: 4,
        loss: Loss::CrossEntropy,
        output_table: Some(OutputTable { table_bits: 4, exponent_bits: 6, probability_bits: 5 }),
        signal_bits: 7,
        residual_shift: 3,
        target: 256,
        local_rate: 2,
        learning_rate: LearningRate { numerator: 1, shift: 2 },
        ..builtin("toy")
    }
}

fn small_run(profile: &Profile) -> RunTrace {
    let model = Model { layers: vec![layer(1, 2, &[10, -6], &[3, 0])] };
    // Features 7 and -8.
    let shard = Shard { features: vec![7, (-8i16) as u16], labels: vec![1, 0] };
    run(profile, &model, &shard).expect("valid")
}

#[test]
fn a_run_worked_out_by_hand() {
    let t = small_run(&small());
    // exp(-u/4) * 64 for u = 0..14, then 0.
    assert_eq!(output_table(&small()), [64, 50, 39, 30, 24, 18, 14, 11, 9, 7, 5, 4, 3, 2, 2, 0]);
    // V(0) = 40, -24; 12, 0. Z = 7 * 40 + 4 * 12 = 328, 7 * -24 = -168.
    assert_eq!(t.weights[0].layers[0].weights, [40, -24]);
    assert_eq!(t.steps[0].pre, [vec![328, -168]]);
    // u = 0, floor(496 / 64) = 7: e = 64, 11, sum 75; P = floor((64 * 64 + 75) / 150) = 27, floor((64 * 11 + 75) / 150) = 5.
    assert_eq!(t.steps[0].signals, [vec![27, 5 - 32]]);
    assert_eq!(t.steps[0].update.layers[0].weights, [189, -189]);
    assert_eq!(t.steps[0].update.layers[0].bias, [108, -108]);
    // V(1) = 40 - 378, -24 + 378; 12 - 216, 216. Z = -8 * -338 - 816 = 1888, -8 * 354 + 864 = -1968.
    assert_eq!(t.weights[1].layers[0].weights, [-338, 354]);
    assert_eq!(t.weights[1].layers[0].bias, [-204, 216]);
    assert_eq!(t.steps[1].pre, [vec![1888, -1968]]);
    // u = 60, beyond the table: e = 64, 0; P = 32, 0; the label is class 0.
    assert_eq!(t.steps[1].signals, [vec![0, 0]]);
    assert_eq!(t.update.layers[0].weights, [378, -378]);
    assert_eq!(t.update.layers[0].bias, [216, -216]);
    assert_eq!((t.loss, t.records), (2 * 27 * 27, 2));
    assert_eq!(t.norm, 2 * (378 * 378 + 216 * 216));
}

#[test]
fn accumulated_gradients_are_all_at_the_first_weights() {
    let t = small_run(&Profile { mode: Mode::Accumulate, ..small() });
    assert_eq!(t.weights[0], t.weights[1]);
    // Z = -8 * 40 + 48 = -272, 192: u = 7, 0; P = 5, 27; the label is class 0: signals -27, 27.
    assert_eq!(t.steps[1].pre, [vec![-272, 192]]);
    assert_eq!(t.steps[1].signals, [vec![-27, 27]]);
    assert_eq!(t.update.layers[0].weights, [2 * (189 + 216), -2 * (189 + 216)]);
    assert_eq!(t.update.layers[0].bias, [0, 0]);
}

#[test]
fn a_round_with_momentum_worked_out_by_hand() {
    let p = Profile { momentum: 3, ..small() };
    let model = |w: i32| Model { layers: vec![layer(1, 2, &[w, 0], &[0, 0])] };
    let mut sum = Update::zero(&p);
    sum.layers[0].weights[0] = 29;
    // 10 - floor((4 * 29 - 3 * 2 * 4 * (10 - 6) + 16) / 32) = 10 - floor(36 / 32).
    assert_eq!(model(10).apply_mean_after(&p, &model(6), &sum, 2).layers[0].weights[0], 9);
    // Without a round before it: 10 - floor(132 / 32).
    assert_eq!(model(10).apply_mean(&p, &sum, 2).layers[0].weights[0], 6);
    assert_eq!(model(10).apply_mean_after(&p, &model(10), &sum, 2).layers[0].weights[0], 6);
    // Nothing but momentum: 10 + 3, and the clamp.
    let none = Update::zero(&p);
    assert_eq!(model(10).apply_mean_after(&p, &model(6), &none, 2).layers[0].weights[0], 13);
    assert_eq!(model(120).apply_mean_after(&p, &model(-128), &none, 2).layers[0].weights[0], 127);
}

#[test]
fn the_sigmoid_table_is_symmetric_about_one_half() {
    let mut p = small();
    p.loss = Loss::BinaryCrossEntropy;
    p.output_table = Some(OutputTable { table_bits: 4, exponent_bits: 5, probability_bits: 5 });
    assert_eq!(p.validate(), Ok(()));
    // 32 / (1 + exp(-v/4)), v = -8..7.
    assert_eq!(output_table(&p), [4, 5, 6, 7, 9, 10, 12, 14, 16, 18, 20, 22, 23, 25, 26, 27]);
}

#[test]
fn a_softmax_of_equal_outputs_shares_evenly_and_ties_are_harmless() {
    let p = small();
    let shard = Shard { features: vec![0, 0], labels: vec![0, 1] };
    let t = run(&p, &Model::zero(&p), &shard).expect("valid");
    assert_eq!(t.steps[0].signals, [vec![-16, 16]]);
    assert_eq!(predict(&p, &Model::zero(&p), &[1, 2, 3]).expect("valid"), [0, 0, 0]);
}

#[test]
fn rejects_shards_of_runs_with_what_is_wrong() {
    let p = small();
    let good = Shard { features: vec![7, 65528], labels: vec![1, Shard::ABSENT - 1] };
    assert_eq!(good.check(&p), Err(ReferenceError::Label { record: 1, got: 65534, max: 1 }));
    let absent = Shard { features: vec![7, 65528], labels: vec![1, Shard::ABSENT] };
    let want = ReferenceError::AbsentFeature { record: 1, feature: 0, got: -8 };
    assert_eq!(absent.check(&p), Err(want.clone()));
    assert_eq!(want.to_string(), "record 1 is absent, but its feature 0 is -8; expected 0");
    let outside = Shard { features: vec![8, 0], labels: vec![1, 0] };
    let want = ReferenceError::SignedFeature { record: 0, feature: 0, got: 8, min: -8, max: 7 };
    assert_eq!(outside.check(&p), Err(want.clone()));
    assert_eq!(want.to_string(), "record 0, feature 0 is 8; expected -8 to 7");
    let outside = Shard { features: vec![0, (-9i16) as u16], labels: vec![1, 0] };
    assert!(matches!(outside.check(&p), Err(ReferenceError::SignedFeature { got: -9, .. })));
    // Records of one batch only.
    let short = Shard { features: vec![0], labels: vec![1] };
    assert!(matches!(run(&p, &Model::zero(&p), &short), Err(ReferenceError::Length { got: 1, expected: 2, .. })));
    // A profile of one step has no absent records, and `step` takes no profile of several.
    let one = Profile { local_steps: 1, ..p.clone() };
    let gone = Shard { features: vec![0], labels: vec![Shard::ABSENT] };
    assert_eq!(gone.check(&one), Err(ReferenceError::Label { record: 0, got: 65535, max: 1 }));
    let error = step(&p, &Model::zero(&p), &good).expect_err("two steps");
    assert_eq!(error, ReferenceError::Steps { local_steps: 2 });
    // What is evaluated is present.
    let evaluated = evaluate(&p, &Model::zero(&p), &[0], &[Shard::ABSENT]);
    assert_eq!(evaluated, Err(ReferenceError::Label { record: 0, got: 65535, max: 1 }));
}

#[test]
fn accepts_equal_records_only_where_they_are_absent() {
    let p = small();
    let absent = Shard { features: vec![0, 0], labels: vec![Shard::ABSENT; 2] };
    assert_eq!((absent.check(&p), absent.records(&p)), (Ok(()), 0));
    let zero = run(&p, &small_model(), &absent).expect("valid");
    assert_eq!((zero.update, zero.loss, zero.norm, zero.records), (Update::zero(&p), 0, 0, 0));
    let one = Shard { features: vec![0, 0], labels: vec![0, Shard::ABSENT] };
    assert_eq!((one.check(&p), one.records(&p)), (Ok(()), 1));
    let two = Shard { features: vec![0, 0], labels: vec![0, 1] };
    assert_eq!(two.check(&p), Err(ReferenceError::Duplicate { first: 0, second: 1 }));
    assert_eq!(Shard::filled_up(&p, &[3], &[1]), Shard { features: vec![3, 0], labels: vec![1, Shard::ABSENT] });
    let long = Shard::filled_up(&p, &[3, 4, 5], &[1, 0, 1]);
    assert!(matches!(long.check(&p), Err(ReferenceError::Length { got: 3, expected: 2, .. })));
}

fn small_model() -> Model {
    Model { layers: vec![layer(1, 2, &[10, -6], &[3, 0])] }
}

type Matrix = Vec<Vec<i128>>;

/// The rules of the modules `reference` and `reference::output` once more: one cell at a time, big integers, Euclidean
/// division in place of shifts, floating-point exponentials.
struct Naive<'a> {
    p: &'a Profile,
    shard: &'a Shard,
    /// Weights and biases.
    v: Vec<(Matrix, Vec<i128>)>,
}

fn round(v: i128, shift: u32) -> i128 {
    (2 * v + (1 << shift)).div_euclid(2 << shift)
}

fn flat(matrix: &Matrix) -> Vec<i128> {
    matrix.iter().flatten().copied().collect()
}

fn wide(values: &[i64]) -> Vec<i128> {
    values.iter().map(|v| (*v).into()).collect()
}

impl<'a> Naive<'a> {
    fn new(p: &'a Profile, model: &Model, shard: &'a Shard) -> Self {
        let fine = |w: i32| i128::from(w) * 2i128.pow(p.fine_shift);
        let layer = |l: &Layer| {
            let rows = l.weights.chunks(l.outputs).map(|row| row.iter().map(|w| fine(*w)).collect()).collect();
            (rows, l.bias.iter().map(|b| fine(*b)).collect())
        };
        Self { p, shard, v: model.layers.iter().map(layer).collect() }
    }

    fn signal(&self, v: i128, shift: u32) -> i128 {
        let half = 1i128 << (self.p.signal_bits - 1);
        round(v, shift).clamp(-half, half - 1)
    }

    /// The labels of record `i` of the shard as bits; `None` when it is absent.
    fn bits(&self, i: usize) -> Option<Vec<i128>> {
        let n = self.p.classes();
        let bits: Vec<i128> = match self.p.label_kind {
            LabelKind::Multi => self.shard.labels[i * n..(i + 1) * n].iter().map(|y| (*y).into()).collect(),
            _ => (0..n).map(|k| (usize::from(self.shard.labels[i]) == k).into()).collect(),
        };
        let first = self.shard.labels[i * self.p.label_width()];
        (self.p.local_steps == 1 || first != Shard::ABSENT).then_some(bits)
    }

    fn output(&self, z: &[i128], bits: Option<Vec<i128>>) -> Vec<i128> {
        let p = self.p;
        let Some(bits) = bits else { return vec![0; z.len()] };
        let Some(t) = p.output_table else {
            return z
                .iter()
                .zip(bits)
                .map(|(z, y)| self.signal(z - i128::from(p.target) * y, p.residual_shift))
                .collect();
        };
        let unit = p.target as f64 / f64::from(p.activation_shift).exp2();
        let one = 2i128.pow(t.probability_bits);
        let entries = 2i128.pow(t.table_bits);
        let probabilities: Vec<i128> = match p.loss {
            Loss::CrossEntropy => {
                let max = *z.iter().max().expect("an output");
                let e: Vec<i128> = z
                    .iter()
                    .map(|z| match (max - z).div_euclid(2i128.pow(p.activation_shift)) {
                        u if u >= entries - 1 => 0,
                        u => (f64::from(t.exponent_bits).exp2() * (-(u as f64) / unit).exp()).round() as i128,
                    })
                    .collect();
                let sum: i128 = e.iter().sum();
                e.iter().map(|e| (2 * one * e + sum).div_euclid(2 * sum)).collect()
            }
            _ => z
                .iter()
                .map(|z| {
                    let v = round(*z, p.activation_shift).clamp(-entries / 2, entries / 2 - 1);
                    (one as f64 / (1.0 + (-(v as f64) / unit).exp())).round() as i128
                })
                .collect(),
        };
        probabilities.iter().zip(bits).map(|(p, y)| p - one * y).collect()
    }

    /// Compares every value of a run, and each with its bound.
    #[allow(clippy::needless_range_loop)] // indices as in the rules
    fn compare(mut self, t: &RunTrace) {
        let (p, n, depth, bounds) = (self.p, &self.p.layers, self.p.depth(), self.p.bounds());
        let within = |values: &[i128], most: u128| assert!(values.iter().all(|v| v.unsigned_abs() <= most));
        let mut total: Vec<(Matrix, Vec<i128>)> =
            n.windows(2).map(|n| (vec![vec![0; n[1]]; n[0]], vec![0; n[1]])).collect();
        let mut loss = 0;
        assert_eq!((t.steps.len(), t.weights.len()), (p.local_steps as usize, p.local_steps as usize));
        for e in 0..p.local_steps as usize {
            let step = &t.steps[e];
            for l in 0..depth {
                assert_eq!(wide(&t.weights[e].layers[l].weights), flat(&self.v[l].0));
                assert_eq!(wide(&t.weights[e].layers[l].bias), self.v[l].1);
                within(&flat(&self.v[l].0), bounds.weight[l]);
                within(&self.v[l].1, bounds.bias[l]);
            }
            let records: Vec<usize> = (e * p.batch..(e + 1) * p.batch).collect();
            let feature = |i: usize, j: usize| {
                let stored = i128::from(self.shard.features[i * n[0] + j]);
                let sign = p.feature_kind == FeatureKind::Signed && stored >= 1 << 15;
                stored - if sign { 1 << 16 } else { 0 }
            };
            let mut a: Vec<Matrix> =
                vec![records.iter().map(|i| (0..n[0]).map(|j| feature(*i, j)).collect()).collect()];
            let mut on: Vec<Matrix> = Vec::new();
            let mut last = Vec::new();
            for l in 0..depth {
                let z: Matrix = a[l]
                    .iter()
                    .map(|x| {
                        (0..n[l + 1])
                            .map(|k| {
                                (0..n[l]).map(|j| x[j] * self.v[l].0[j][k]).sum::<i128>()
                                    + i128::from(p.bias_unit) * self.v[l].1[k]
                            })
                            .collect()
                    })
                    .collect();
                assert_eq!(wide(&step.pre[l]), flat(&z));
                within(&flat(&z), bounds.pre_activation[l]);
                if l + 1 < depth {
                    let map = |f: &dyn Fn(i128) -> i128| -> Matrix {
                        z.iter().map(|z| z.iter().map(|z| f(round(*z, p.activation_shift))).collect()).collect()
                    };
                    let top = (1 << p.activation_bits) - 1;
                    a.push(map(&|t| t.clamp(0, top)));
                    on.push(map(&|t| (t >= 0).into()));
                    assert_eq!(wide(&step.activations[l]), flat(&a[l + 1]));
                    let mask: Vec<i128> = step.mask[l].iter().map(|m| (*m).into()).collect();
                    assert_eq!(mask, flat(&on[l]));
                } else {
                    last = z;
                }
            }
            let mut dz: Matrix = last.iter().zip(&records).map(|(z, i)| self.output(z, self.bits(*i))).collect();
            loss += flat(&dz).iter().map(|d| d * d).sum::<i128>();
            let mut change = total.clone();
            for l in (0..depth).rev() {
                assert_eq!(wide(&step.signals[l]), flat(&dz));
                for k in 0..n[l + 1] {
                    for j in 0..n[l] {
                        change[l].0[j][k] = a[l].iter().zip(&dz).map(|(a, d)| a[j] * d[k]).sum();
                    }
                    change[l].1[k] = i128::from(p.bias_unit) * dz.iter().map(|d| d[k]).sum::<i128>();
                }
                assert_eq!(wide(&step.update.layers[l].weights), flat(&change[l].0));
                assert_eq!(wide(&step.update.layers[l].bias), change[l].1);
                if l > 0 {
                    let d: Matrix = dz
                        .iter()
                        .map(|d| (0..n[l]).map(|j| d.iter().zip(&self.v[l].0[j]).map(|(d, v)| d * v).sum()).collect())
                        .collect();
                    assert_eq!(wide(&step.backprop[l - 1]), flat(&d));
                    within(&flat(&d), bounds.backprop[l - 1]);
                    dz = d
                        .iter()
                        .zip(&on[l - 1])
                        .map(|(d, m)| d.iter().zip(m).map(|(d, m)| m * self.signal(*d, p.backprop_shift)).collect())
                        .collect();
                }
            }
            let rate = i128::from(p.local_rate);
            for l in 0..depth {
                for k in 0..n[l + 1] {
                    for j in 0..n[l] {
                        total[l].0[j][k] += rate * change[l].0[j][k];
                        if p.mode == Mode::Local {
                            self.v[l].0[j][k] -= rate * change[l].0[j][k];
                        }
                    }
                    total[l].1[k] += rate * change[l].1[k];
                    if p.mode == Mode::Local {
                        self.v[l].1[k] -= rate * change[l].1[k];
                    }
                }
            }
        }
        let mut norm = 0;
        for l in 0..depth {
            let cells = [flat(&total[l].0), total[l].1.clone()];
            assert_eq!([wide(&t.update.layers[l].weights), wide(&t.update.layers[l].bias)], cells);
            within(&cells.concat(), bounds.update);
            norm += cells.concat().iter().map(|d| d * d).sum::<i128>();
        }
        assert_eq!((t.loss, t.norm), (loss as u128, norm as u128));
        assert!(t.loss <= bounds.loss && t.norm <= bounds.norm);
        let present = (0..p.shard_records()).filter(|i| self.bits(*i).is_some()).count();
        assert_eq!(t.records, present);
    }
}

/// A profile of any small shape, loss, labels and mode, that is valid.
fn profiles() -> impl Strategy<Value = Profile> {
    let shape = (prop::collection::vec(1usize..5, 2..5), 1usize..4, 0u32..4, any::<bool>());
    let kinds = (0usize..3, any::<bool>(), any::<bool>(), 0u32..=3);
    let bits = (2u32..=9, 4u32..=12, 1u32..=12, 8u32..=14, 0u32..=10);
    let rates = (1u32..=10, 1u32..=10, 0u32..=5, 1i64..=60);
    let table = (2u32..=8, 1u32..=14, 1u32..=6, 0u32..=6);
    let parts = (shape, kinds, bits, rates, table);
    parts.prop_map(|((layers, batch, steps, accumulate), kinds, bits, rates, table)| {
        let (loss, signed, multi, momentum) = kinds;
        let (feature_bits, weight_bits, activation_bits, signal_bits, fine_shift) = bits;
        let (shift, residual_shift, rate, bias_unit) = rates;
        let (table_bits, exponent_bits, probability_bits, unit_bits) = table;
        let loss = [Loss::SquaredError, Loss::CrossEntropy, Loss::BinaryCrossEntropy][loss];
        let binary = loss == Loss::BinaryCrossEntropy;
        let exponent_bits = if binary { probability_bits } else { exponent_bits };
        Profile {
            layers,
            batch,
            local_steps: 1 << steps,
            mode: if accumulate && steps > 0 { Mode::Accumulate } else { Mode::Local },
            feature_bits,
            feature_kind: if signed { FeatureKind::Signed } else { FeatureKind::Unsigned },
            label_kind: if binary && multi { LabelKind::Multi } else { LabelKind::Class },
            weight_bits,
            weight_frac_bits: weight_bits / 2,
            fine_shift,
            activation_bits,
            activation_shift: (probability_bits + residual_shift).saturating_sub(unit_bits).max(1),
            signal_bits,
            residual_shift,
            backprop_shift: shift,
            bias_unit,
            target: 1 << (probability_bits + residual_shift),
            loss,
            output_table: (loss != Loss::SquaredError).then_some(OutputTable {
                table_bits,
                exponent_bits,
                probability_bits,
            }),
            local_rate: 1 << rate,
            momentum,
            learning_rate: LearningRate { numerator: 3, shift: 12 },
            k: 12,
            ..builtin("toy")
        }
    })
}

/// Values in `low..=high`: half of them at or next to an end or zero.
fn values(low: i64, high: i64, count: usize) -> impl Strategy<Value = Vec<i64>> {
    let ends = vec![low, high, 0i64.clamp(low, high), (low + 1).min(high), (high - 1).max(low)];
    prop::collection::vec(prop_oneof![prop::sample::select(ends), low..=high], count)
}

/// A profile with a model and a shard, some of whose records may be absent.
fn runs() -> impl Strategy<Value = (Profile, Model, Shard)> {
    profiles().prop_flat_map(|p| {
        let top = 1i64 << (p.weight_bits - 1);
        let (low, high) = p.feature_range();
        let weights = values(-top, top - 1, p.parameters());
        let features = values(low, high, p.shard_records() * p.features());
        let most = if p.label_kind == LabelKind::Multi { 1 } else { p.classes() as i64 - 1 };
        let labels = values(0, most, p.shard_records() * p.label_width());
        let absent = prop::collection::vec(prop::bool::weighted(0.2), p.shard_records());
        (Just(p), weights, features, labels, absent).prop_map(|(p, weights, features, labels, absent)| {
            let mut cells = weights.into_iter().map(|w| w as i32);
            let mut take = |n: usize| cells.by_ref().take(n).collect::<Vec<_>>();
            let layers = p.layers.windows(2).map(|n| layer(n[0], n[1], &take(n[0] * n[1]), &take(n[1])));
            let model = Model { layers: layers.collect() };
            let narrow = |v: Vec<i64>| v.into_iter().map(|x| x as u16).collect();
            let mut shard = Shard { features: narrow(features), labels: narrow(labels) };
            for (i, _) in absent.iter().enumerate().filter(|(_, gone)| **gone && p.takes_partial_shards()) {
                shard.features[i * p.features()..(i + 1) * p.features()].fill(0);
                shard.labels[i * p.label_width()..(i + 1) * p.label_width()].fill(Shard::ABSENT);
            }
            (p, model, shard)
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn prop_a_run_is_what_the_rules_say((p, model, shard) in runs()) {
        prop_assert_eq!(p.validate(), Ok(()));
        let trace = run(&p, &model, &shard).expect("valid by construction");
        Naive::new(&p, &model, &shard).compare(&trace);
    }

    #[test]
    fn prop_a_run_of_one_step_is_that_step((p, model, shard) in runs()) {
        let one = Profile { local_steps: 1, mode: Mode::Local, local_rate: 1, ..p };
        let shard = Shard {
            features: shard.features[..one.batch * one.features()].to_vec(),
            labels: shard.labels[..one.batch * one.label_width()].iter().map(|y| if *y == Shard::ABSENT { 0 } else { *y }).collect(),
        };
        let (run, step) = (run(&one, &model, &shard).expect("valid"), step(&one, &model, &shard).expect("valid"));
        prop_assert_eq!((&run.update, run.loss, run.norm), (&step.update, step.loss, step.norm));
        prop_assert_eq!(run.steps, vec![step]);
    }

    #[test]
    fn prop_the_next_model_with_momentum_is_the_floor_rule(
        (p, model, shard) in runs(),
        claims in 1u64..=8,
        moved in -100i32..=100,
    ) {
        let update = run(&p, &model, &shard).expect("valid").update;
        let top = 1i32 << (p.weight_bits - 1);
        let mut previous = model.clone();
        let back = |w: &mut i32| *w = (*w - moved).clamp(-top, top - 1);
        previous.layers.iter_mut().for_each(|l| l.weights.iter_mut().chain(&mut l.bias).for_each(back));
        let next = model.apply_mean_after(&p, &previous, &update, claims);
        prop_assert_eq!(next.check(&p), Ok(()));
        let whole = i128::from(claims) << 12;
        for (l, layer) in next.layers.iter().enumerate() {
            for (at, w) in layer.weights.iter().enumerate() {
                let (now, before) = (i128::from(model.layers[l].weights[at]), i128::from(previous.layers[l].weights[at]));
                let sum = 4 * 3 * i128::from(update.layers[l].weights[at]) - i128::from(p.momentum) * whole * (now - before);
                let want = now - (sum + 2 * whole).div_euclid(4 * whole);
                prop_assert_eq!(i128::from(*w), want.clamp(-i128::from(top), i128::from(top) - 1));
            }
        }
        let plain = Profile { momentum: 0, ..p };
        prop_assert_eq!(
            model.apply_mean_after(&plain, &previous, &update, claims),
            model.apply_mean(&plain, &update, claims)
        );
    }
}

#[test]
fn bounds_of_a_run_are_reached_by_the_worst_case() {
    // Every signal is at its negative end in every step: outputs far below the target.
    let mut p = builtin("toy");
    p.layers = vec![3, 2];
    p.batch = 2;
    p.local_steps = 4;
    p.bias_unit = 40;
    p.fine_shift = 1;
    p.residual_shift = 1;
    p.target = 254;
    for mode in [Mode::Local, Mode::Accumulate] {
        p.mode = mode;
        let bounds = p.bounds();
        let model = Model { layers: vec![layer(3, 2, &[-128; 6], &[-128; 2])] };
        // In local mode the weights come back towards zero: the update is at its bound as long as they stay negative.
        let shard = Shard { features: vec![1; 24], labels: vec![0; 8] };
        let t = run(&p, &model, &shard).expect("valid");
        if mode == Mode::Accumulate {
            assert_eq!(u128::from(t.update.layers[0].bias[0].unsigned_abs()), bounds.update);
            assert_eq!(t.loss, bounds.loss);
        } else {
            assert!(u128::from(t.update.layers[0].bias[0].unsigned_abs()) < bounds.update);
        }
        assert_eq!(bounds.weight[0], 256 + if mode == Mode::Local { 3 * 2 * 15 * 128 } else { 0 });
        assert_eq!(bounds.bias[0], 256 + if mode == Mode::Local { 3 * 2 * 40 * 128 } else { 0 });
    }
}
