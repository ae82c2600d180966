//! The same network in floating point: what fixed point costs.
//!
//! Plain stochastic gradient descent on the profile's loss, the same architecture, start, order of data, learning rates and
//! momentum, without rounding or clamping. Each contributor takes the steps of its run; a round takes a step by the mean of
//! their changes, as the round circuit does.
//!
//! # Scales
//! With `f = weight_frac_bits + fine_shift`, the integer activation of layer `l` means `a / S_l` with `S_(L-1) = target / 2^f` and
//! `S_l = S_(l-1) 2^(f - activation_shift)`; the integer signal means `d / u_l` with `u_L = target / 2^residual_shift` and
//! `u_l = u_(l+1) 2^(f - backprop_shift)` ([`zkpoc_circuits::reference`]). So an integer step of `local_rate` within a run is one of
//! `local_rate S_(l-1) u_l / 2^f` in layer `l`, and a bias sees `bias_unit / S_(l-1)`. A round of rate `r` takes `r 2^fine_shift` of the mean change.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use zkpoc_circuits::profile::{FeatureKind, Profile};
use zkpoc_circuits::reference::Model;

/// A network of ReLU layers, the last one linear.
#[derive(Clone, Debug)]
pub struct FloatModel {
    layers: Vec<Layer>,
    /// What features are divided by.
    scale: f32,
    features: FeatureKind,
    /// Whether outputs become probabilities.
    softmax: bool,
    /// Features and records of a step.
    width: usize,
    batch: usize,
    /// How much of the mean change of a round's runs its model takes, and of the change of the round before.
    server: f32,
    momentum: f32,
    velocity: Option<Change>,
}

#[derive(Clone, Debug)]
struct Layer {
    weights: Array2<f32>,
    bias: Array1<f32>,
    /// What a bias is multiplied with.
    unit: f32,
    /// Learning rate of a step of a run, for the sum over its batch.
    rate: f32,
}

/// What a run, or a round, takes off each weight and bias.
#[derive(Clone, Debug)]
pub struct Change(Vec<(Array2<f32>, Array1<f32>)>);

impl FloatModel {
    /// The network that an integer model stands for.
    pub fn new(profile: &Profile, model: &Model) -> Self {
        let power = |exponent: i64| (exponent as f64).exp2();
        let (depth, own) = (profile.depth() as i64, i64::from(profile.weight_frac_bits));
        let f = own + i64::from(profile.fine_shift);
        let last = profile.target as f64 / power(f);
        let scale = |l: i64| last / power((depth - 1 - l) * (f - i64::from(profile.activation_shift)));
        let top = profile.target as f64 / power(profile.residual_shift.into());
        let signal = |l: i64| top * power((depth - l) * (f - i64::from(profile.backprop_shift)));
        let server = profile.learning_rate.numerator as f64
            * power(i64::from(profile.fine_shift) - i64::from(profile.learning_rate.shift));
        let rate = profile.local_rate as f64;
        let layers = model.layers.iter().zip(1i64..).map(|(layer, l)| {
            let values = |from: &[i32]| from.iter().map(|w| (f64::from(*w) / power(own)) as f32).collect::<Vec<_>>();
            let shape = (layer.inputs, layer.outputs);
            Layer {
                weights: Array2::from_shape_vec(shape, values(&layer.weights)).unwrap_or_else(|_| Array2::zeros(shape)),
                bias: Array1::from_vec(values(&layer.bias)),
                unit: (profile.bias_unit as f64 / scale(l - 1)) as f32,
                rate: (rate * scale(l - 1) * signal(l) / power(f)) as f32,
            }
        });
        Self {
            layers: layers.collect(),
            scale: scale(0) as f32,
            features: profile.feature_kind,
            softmax: profile.softmax().is_some(),
            width: profile.features(),
            batch: profile.batch,
            server: server as f32,
            momentum: profile.momentum as f32 / 4.0,
            velocity: None,
        }
    }

    fn input(&self, features: &[u16]) -> Array2<f32> {
        let width = self.width.max(1);
        let value = |x: u16| match self.features {
            FeatureKind::Unsigned => f32::from(x),
            // Two's complement.
            FeatureKind::Signed => f32::from(x as i16),
        };
        let values = features.iter().map(|x| value(*x) / self.scale).collect();
        let rows = features.len() / width;
        Array2::from_shape_vec((rows, width), values).unwrap_or_else(|_| Array2::zeros((rows, width)))
    }

    /// Inputs of every layer, and the output.
    fn forward(&self, features: &[u16]) -> Vec<Array2<f32>> {
        let mut values = vec![self.input(features)];
        for (place, layer) in self.layers.iter().enumerate() {
            let mut z = values[place].dot(&layer.weights) + &(&layer.bias * layer.unit);
            if place + 1 < self.layers.len() {
                z.mapv_inplace(|x| x.max(0.0));
            }
            values.push(z);
        }
        values
    }

    /// Outputs, or the probabilities that a softmax makes of them.
    fn answers(&self, outputs: &Array2<f32>) -> Array2<f32> {
        let mut answers = outputs.clone();
        if self.softmax {
            for mut row in answers.rows_mut() {
                let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                row.mapv_inplace(|z| (z - max).exp());
                let sum = row.sum();
                row.mapv_inplace(|e| e / sum);
            }
        }
        answers
    }

    /// What a run on a shard changes.
    pub fn run(&self, features: &[u16], labels: &[u16]) -> Change {
        let mut local = self.clone();
        let batches = features.chunks(self.batch * self.width).zip(labels.chunks(self.batch));
        let mut total: Option<Change> = None;
        for (features, labels) in batches {
            let step = local.gradient(features, labels);
            local.take(&step, 1.0);
            match &mut total {
                None => total = Some(step),
                Some(total) => total.add(1.0, &step),
            }
        }
        total.unwrap_or_else(|| Change(Vec::new()))
    }

    fn take(&mut self, change: &Change, share: f32) {
        for (layer, (weights, bias)) in self.layers.iter_mut().zip(&change.0) {
            layer.weights.scaled_add(-share, weights);
            layer.bias.scaled_add(-share, bias);
        }
    }

    /// The step on a batch: the gradient of half the summed squared error, or of the cross-entropy, times the rate.
    fn gradient(&self, features: &[u16], labels: &[u16]) -> Change {
        let values = self.forward(features);
        let mut signal = self.answers(&values[self.layers.len()]);
        for (mut row, label) in signal.rows_mut().into_iter().zip(labels) {
            if let Some(cell) = row.get_mut(usize::from(*label)) {
                *cell -= 1.0;
            }
        }
        let mut out = Vec::new();
        for (place, layer) in self.layers.iter().enumerate().rev() {
            let input: ArrayView2<'_, f32> = values[place].view();
            out.push((input.t().dot(&signal) * layer.rate, signal.sum_axis(Axis(0)) * (layer.unit * layer.rate)));
            // The mask of a ReLU is where its output is positive.
            signal = signal.dot(&layer.weights.t()) * input.mapv(|a| f32::from(u8::from(a > 0.0)));
        }
        out.reverse();
        Change(out)
    }

    /// A round: a step by the mean of the changes of some runs, and by a share of what the round before changed.
    pub fn round(&mut self, runs: &[Change]) {
        let Some((first, others)) = runs.split_first() else { return };
        let mut step = first.clone();
        others.iter().for_each(|run| step.add(1.0, run));
        step.scale(self.server / runs.len() as f32);
        if let Some(before) = self.velocity.as_ref().filter(|_| self.momentum > 0.0) {
            step.add(self.momentum, before);
        }
        self.take(&step, 1.0);
        self.velocity = Some(step);
    }

    /// Share of records whose largest output is the label's, and mean squared error of a record: of probabilities, the Brier score.
    pub fn evaluate(&self, features: &[u16], labels: &[u16]) -> (f64, f64) {
        let values = self.forward(features);
        let (mut hits, mut loss) = (0usize, 0f64);
        for (row, label) in self.answers(&values[self.layers.len()]).rows().into_iter().zip(labels) {
            let mut best = 0;
            for (class, value) in row.iter().enumerate() {
                best = if *value > row[best] { class } else { best };
                let target = f32::from(u8::from(class == usize::from(*label)));
                loss += f64::from((value - target).powi(2));
            }
            hits += usize::from(best == usize::from(*label));
        }
        let records = labels.len().max(1) as f64;
        (hits as f64 / records, loss / records)
    }
}

impl Change {
    fn add(&mut self, share: f32, other: &Self) {
        for ((weights, bias), (more, more_bias)) in self.0.iter_mut().zip(&other.0) {
            weights.scaled_add(share, more);
            bias.scaled_add(share, more_bias);
        }
    }

    fn scale(&mut self, by: f32) {
        for (weights, bias) in &mut self.0 {
            weights.mapv_inplace(|w| w * by);
            bias.mapv_inplace(|b| b * by);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zkpoc_circuits::profile::{LearningRate, Loss, OutputTable};
    use zkpoc_circuits::reference::{evaluate, run};

    /// The digits with a softmax: 2^20 is a unit of the exponent at the outputs, 2^8 steps of the table.
    fn cross_entropy() -> Profile {
        Profile {
            loss: Loss::CrossEntropy,
            output_table: Some(OutputTable { table_bits: 11, exponent_bits: 12, probability_bits: 8 }),
            activation_shift: 12,
            backprop_shift: 12,
            residual_shift: 12,
            target: 1 << 20,
            learning_rate: LearningRate { numerator: 1, shift: 9 },
            ..Profile::builtin("digits-tiny").expect("a profile")
        }
    }

    #[test]
    fn float_and_fixed_point_agree_on_a_model_and_a_step() {
        agree(Profile::builtin("digits-tiny").expect("a profile"));
        agree(cross_entropy());
    }

    fn agree(profile: Profile) {
        profile.validate().expect("a profile that works");
        let records = zkpoc_client::data::csv::digits_sample().expect("the sample");
        let model = Model::random(&profile, [3; 32]);
        let shards = records.shards(&profile, 8).expect("shards");
        let mut float = FloatModel::new(&profile, &model);
        let (mut previous, mut fixed) = (model.clone(), model);
        for shard in &shards {
            float.round(&[float.run(&shard.features, &shard.labels)]);
            let update = run(&profile, &fixed, shard).expect("a run").update;
            let next = fixed.apply_mean_after(&profile, &previous, &update, 1);
            previous = std::mem::replace(&mut fixed, next);
        }
        let (float_hits, float_loss) = float.evaluate(records.features(), records.labels());
        let (hits, loss) = evaluate(&profile, &fixed, records.features(), records.labels()).expect("valid");
        assert!((float_loss - loss).abs() < 0.02 * loss, "{float_loss} against {loss}");
        assert!((float_hits - hits).abs() < 0.05, "{float_hits} against {hits}");
        // Every weight: a twentieth of the distance that the steps moved it, or half a unit a step.
        let start = FloatModel::new(&profile, &Model::random(&profile, [3; 32]));
        let last = FloatModel::new(&profile, &fixed);
        for ((a, b), s) in last.layers.iter().zip(&float.layers).zip(&start.layers) {
            let apart = (&a.weights - &b.weights).mapv(f32::abs).sum();
            let moved = (&b.weights - &s.weights).mapv(f32::abs).sum();
            assert!(apart < 0.1 * moved, "{apart} of {moved}");
        }
    }
}
