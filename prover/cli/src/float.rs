//! The same network in floating point: what fixed point costs.
//!
//! Plain stochastic gradient descent on the profile's loss, the same architecture, start, order of data and learning rates,
//! without rounding or clamping. A round of several updates takes a step by their mean, as the round circuit does.
//!
//! # Scales
//! With `f = weight_frac_bits`, the integer activation of layer `l` means `a / S_l` with `S_(L-1) = target / 2^f` and
//! `S_l = S_(l-1) 2^(f - activation_shift)`; the integer signal means `d / u_l` with `u_L = target / 2^residual_shift` and
//! `u_l = u_(l+1) 2^(f - backprop_shift)` ([`zkpoc_circuits::reference`]). So an integer step of `rate` is one of
//! `rate S_(l-1) u_l / 2^f` in layer `l`, and a bias sees `bias_unit / S_(l-1)`.

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
}

#[derive(Clone, Debug)]
struct Layer {
    weights: Array2<f32>,
    bias: Array1<f32>,
    /// What a bias is multiplied with.
    unit: f32,
    /// Learning rate for the sum over a batch.
    rate: f32,
}

/// A gradient, summed over a batch.
#[derive(Clone, Debug)]
pub struct Gradient(Vec<(Array2<f32>, Array1<f32>)>);

impl FloatModel {
    /// The network that an integer model stands for.
    pub fn new(profile: &Profile, model: &Model) -> Self {
        let power = |exponent: i64| (exponent as f64).exp2();
        let (depth, f) = (profile.depth() as i64, i64::from(profile.weight_frac_bits));
        let last = profile.target as f64 / power(f);
        let scale = |l: i64| last / power((depth - 1 - l) * (f - i64::from(profile.activation_shift)));
        let top = profile.target as f64 / power(profile.residual_shift.into());
        let signal = |l: i64| top * power((depth - l) * (f - i64::from(profile.backprop_shift)));
        let rate = profile.learning_rate.numerator as f64 / power(profile.learning_rate.shift.into());
        let layers = model.layers.iter().zip(1i64..).map(|(layer, l)| {
            let values = |from: &[i32]| from.iter().map(|w| (f64::from(*w) / power(f)) as f32).collect::<Vec<_>>();
            let shape = (layer.inputs, layer.outputs);
            Layer {
                weights: Array2::from_shape_vec(shape, values(&layer.weights)).unwrap_or_else(|_| Array2::zeros(shape)),
                bias: Array1::from_vec(values(&layer.bias)),
                unit: (profile.bias_unit as f64 / scale(l - 1)) as f32,
                rate: (rate * scale(l - 1) * signal(l) / power(f)) as f32,
            }
        });
        let (features, softmax) = (profile.feature_kind, profile.softmax().is_some());
        Self { layers: layers.collect(), scale: scale(0) as f32, features, softmax }
    }

    fn input(&self, features: &[u16]) -> Array2<f32> {
        let width = self.layers.first().map_or(1, |layer| layer.weights.nrows()).max(1);
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

    /// The gradient on a batch of half the summed squared error, or of the cross-entropy.
    pub fn gradient(&self, features: &[u16], labels: &[u16]) -> Gradient {
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
            out.push((input.t().dot(&signal), signal.sum_axis(Axis(0)) * layer.unit));
            // The mask of a ReLU is where its output is positive.
            signal = signal.dot(&layer.weights.t()) * input.mapv(|a| f32::from(u8::from(a > 0.0)));
        }
        out.reverse();
        Gradient(out)
    }

    /// A step by the mean of some gradients.
    pub fn step(&mut self, gradients: &[Gradient]) {
        let share = 1.0 / gradients.len().max(1) as f32;
        for gradient in gradients {
            for (layer, (weights, bias)) in self.layers.iter_mut().zip(&gradient.0) {
                layer.weights.scaled_add(-layer.rate * share, weights);
                layer.bias.scaled_add(-layer.rate * share, bias);
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use zkpoc_circuits::profile::{LearningRate, Loss, OutputTable};
    use zkpoc_circuits::reference::{evaluate, step};

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
        let mut fixed = model;
        for shard in &shards {
            float.step(&[float.gradient(&shard.features, &shard.labels)]);
            let update = step(&profile, &fixed, shard).expect("a step").update;
            fixed = fixed.apply(&profile, &update);
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
