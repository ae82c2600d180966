//! Properties over random profiles, models and shards, extremes included.

use proptest::prelude::*;
use zkpoc_circuits::profile::{LearningRate, Profile};
use zkpoc_circuits::quantize::round_shift;
use zkpoc_circuits::reference::{step, Layer, Model, Shard, StepTrace};

use super::builtin;

type Matrix = Vec<Vec<i128>>;

/// The rules of the module `reference` once more, in big integers, with Euclidean division in
/// place of shifts and one cell at a time.
struct Naive<'a> {
    p: &'a Profile,
    model: &'a Model,
    shard: &'a Shard,
}

impl Naive<'_> {
    fn weight(&self, l: usize, j: usize, k: usize) -> i128 {
        self.model.layers[l].weights[j * self.p.layers[l + 1] + k].into()
    }

    fn round(v: i128, shift: u32) -> i128 {
        (2 * v + (1 << shift)).div_euclid(2 << shift)
    }

    fn signal(&self, v: i128, shift: u32) -> i128 {
        let half = 1i128 << (self.p.signal_bits - 1);
        Self::round(v, shift).clamp(-half, half - 1)
    }

    fn table(&self, width: usize, cell: impl Fn(usize, usize) -> i128) -> Matrix {
        (0..self.p.batch).map(|i| (0..width).map(|k| cell(i, k)).collect()).collect()
    }

    /// Compares every value of a trace.
    #[allow(clippy::needless_range_loop)] // indices as in the rules
    fn compare(&self, t: &StepTrace) {
        let (p, n, depth) = (self.p, &self.p.layers, self.p.depth());
        let mut inputs = vec![self.table(n[0], |i, j| self.shard.features[i * n[0] + j].into())];
        for l in 0..depth {
            let bias = |k: usize| i128::from(p.bias_unit) * i128::from(self.model.layers[l].bias[k]);
            let z = self.table(n[l + 1], |i, k| {
                (0..n[l]).map(|j| inputs[l][i][j] * self.weight(l, j, k)).sum::<i128>() + bias(k)
            });
            same(&t.pre[l], &z);
            assert!(z.iter().flatten().all(|z| z.unsigned_abs() <= p.bounds().pre_activation[l]));
            if l + 1 < depth {
                let rounded = |i: usize, k: usize| Self::round(z[i][k], p.activation_shift);
                let a = self.table(n[l + 1], |i, k| rounded(i, k).clamp(0, (1 << p.activation_bits) - 1));
                same(&t.activations[l], &a);
                let mask: Vec<i64> = t.mask[l].iter().map(|m| (*m).into()).collect();
                same(&mask, &self.table(n[l + 1], |i, k| (rounded(i, k) >= 0).into()));
                inputs.push(a);
            } else {
                inputs.push(z);
            }
        }
        let target = |i: usize, k: usize| {
            if usize::from(self.shard.labels[i]) == k {
                p.target.into()
            } else {
                0i128
            }
        };
        let mut dz = self.table(n[depth], |i, k| self.signal(inputs[depth][i][k] - target(i, k), p.residual_shift));
        let loss: i128 = dz.iter().flatten().map(|s| s * s).sum();
        assert_eq!(t.loss, loss as u128);
        let mut norm = 0;
        for l in (0..depth).rev() {
            same(&t.signals[l], &dz);
            for k in 0..n[l + 1] {
                for j in 0..n[l] {
                    let cell: i128 = (0..p.batch).map(|i| inputs[l][i][j] * dz[i][k]).sum();
                    assert_eq!(i128::from(t.update.layers[l].weights[j * n[l + 1] + k]), cell);
                    norm += cell * cell;
                }
                let cell = i128::from(p.bias_unit) * (0..p.batch).map(|i| dz[i][k]).sum::<i128>();
                assert_eq!(i128::from(t.update.layers[l].bias[k]), cell);
                norm += cell * cell;
            }
            if l > 0 {
                let d = self.table(n[l], |i, j| (0..n[l + 1]).map(|k| dz[i][k] * self.weight(l, j, k)).sum());
                same(&t.backprop[l - 1], &d);
                assert!(d.iter().flatten().all(|d| d.unsigned_abs() <= p.bounds().backprop[l - 1]));
                dz = self.table(n[l], |i, j| {
                    i128::from(t.mask[l - 1][i * n[l] + j]) * self.signal(d[i][j], p.backprop_shift)
                });
            }
        }
        assert_eq!(t.norm, norm as u128);
        assert!(t.norm <= p.bounds().norm && t.loss <= p.bounds().loss);
        let cells = t.update.layers.iter().flat_map(|l| l.weights.iter().chain(&l.bias));
        assert!(cells.into_iter().all(|d| u128::from(d.unsigned_abs()) <= p.bounds().update));
    }
}

fn same(got: &[i64], want: &Matrix) {
    let want: Vec<i128> = want.iter().flatten().copied().collect();
    let got: Vec<i128> = got.iter().map(|v| (*v).into()).collect();
    assert_eq!(got, want);
}

/// A profile of any small shape and mixed widths.
fn profiles() -> impl Strategy<Value = Profile> {
    let shape = (prop::collection::vec(1usize..6, 2..5), 1usize..5);
    let bits = (1u32..=9, 2u32..=17, 1u32..=17, 2u32..=17);
    let shifts = (1u32..=14, 1u32..=14, 1u32..=14, 1i64..=300);
    (shape, bits, shifts).prop_map(|((layers, batch), (feature, weight, activation, signal), shifts)| {
        let (activation_shift, backprop_shift, residual_shift, bias_unit) = shifts;
        Profile {
            layers,
            batch,
            feature_bits: feature,
            weight_bits: weight,
            weight_frac_bits: weight / 2,
            activation_bits: activation,
            signal_bits: signal,
            activation_shift,
            backprop_shift,
            residual_shift,
            bias_unit,
            target: ((1 << signal) - 2) << (residual_shift - 1),
            learning_rate: LearningRate { numerator: 3, shift: 12 },
            ..builtin("toy")
        }
    })
}

/// Values in `low..=high`: half of them at or next to an end or zero.
fn values(low: i64, high: i64, count: usize) -> impl Strategy<Value = Vec<i64>> {
    let ends = vec![low, high, 0i64.clamp(low, high), (low + 1).min(high), (high - 1).max(low)];
    prop::collection::vec(prop_oneof![prop::sample::select(ends), low..=high], count)
}

/// A profile with a model and a shard that satisfy it.
fn steps() -> impl Strategy<Value = (Profile, Model, Shard)> {
    profiles().prop_flat_map(|p| {
        let top = 1i64 << (p.weight_bits - 1);
        let weights = values(-top, top - 1, p.parameters());
        let features = values(0, (1 << p.feature_bits) - 1, p.batch * p.layers[0]);
        let labels = values(0, p.classes() as i64 - 1, p.batch);
        (Just(p), weights, features, labels).prop_map(|(p, weights, features, labels)| {
            let mut cells = weights.into_iter().map(|w| w as i32);
            let mut take = |n: usize| cells.by_ref().take(n).collect::<Vec<_>>();
            let layers = p.layers.windows(2).map(|n| Layer {
                inputs: n[0],
                outputs: n[1],
                weights: take(n[0] * n[1]),
                bias: take(n[1]),
            });
            let model = Model { layers: layers.collect() };
            let narrow = |v: Vec<i64>| v.into_iter().map(|x| x as u16).collect();
            let shard = Shard { features: narrow(features), labels: narrow(labels) };
            (p, model, shard)
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn prop_a_step_is_what_the_rules_say((p, model, shard) in steps()) {
        let trace = step(&p, &model, &shard).expect("valid by construction");
        Naive { p: &p, model: &model, shard: &shard }.compare(&trace);
    }

    #[test]
    fn prop_the_next_model_is_valid((p, model, shard) in steps()) {
        let update = step(&p, &model, &shard).expect("valid by construction").update;
        let next = model.apply(&p, &update);
        prop_assert_eq!(next.check(&p), Ok(()));
        let top = 1i128 << (p.weight_bits - 1);
        for (l, layer) in next.layers.iter().enumerate() {
            for (at, w) in layer.weights.iter().enumerate() {
                let moved = Naive::round(i128::from(update.layers[l].weights[at]) * 3, 12);
                let want = (i128::from(model.layers[l].weights[at]) - moved).clamp(-top, top - 1);
                prop_assert_eq!(i128::from(*w), want);
            }
        }
    }

    #[test]
    fn prop_rounding_is_the_floor_rule(v in -(1i128 << 100)..(1i128 << 100), shift in 1u32..=62) {
        prop_assert_eq!(round_shift(v, shift), Naive::round(v, shift));
        let remainder = v + (1i128 << (shift - 1)) - (round_shift(v, shift) << shift);
        prop_assert!((0..1i128 << shift).contains(&remainder));
    }
}

#[test]
fn bounds_are_reached_by_the_worst_case() {
    let mut p = builtin("toy");
    p.layers = vec![3, 2];
    p.batch = 2;
    p.bias_unit = 40;
    let bounds = p.bounds();
    let full = |w: i32| Model { layers: vec![Layer { inputs: 3, outputs: 2, weights: vec![w; 6], bias: vec![w; 2] }] };
    let shard = Shard { features: vec![15; 6], labels: vec![0; 2] };
    let t = step(&p, &full(-128), &shard).expect("valid");
    assert_eq!(u128::from(t.pre[0][0].unsigned_abs()), bounds.pre_activation[0]);
    assert_eq!(bounds.residual, bounds.pre_activation[0] + 240);
    // Every signal is at the negative end, so update, loss and norm are at their bounds too.
    assert_eq!(u128::from(t.update.layers[0].bias[0].unsigned_abs()), bounds.update);
    assert_eq!((t.loss, t.norm), (bounds.loss, bounds.norm));
}
