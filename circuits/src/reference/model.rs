//! Models and updates: their shapes, a public deterministic start, and how an update is applied.
//!
//! # Shapes
//! Layer `l = 1..=L`: weights `n_{l-1} × n_l` row-major (`[j][k]`, `j` the input), bias `n_l`.
//! A weight stands for `w / 2^weight_frac_bits`. Updates have the same shapes in gradient units.
//!
//! # Start
//! [`Model::random`] can be recomputed by anyone from a 32-byte seed:
//! 1. Block `c = 0, 1, …` is `keccak256("zkpoc.model.v1" ‖ seed ‖ c as 8 big-endian bytes)`;
//!    its 32 bytes are four big-endian 64-bit words. All blocks in order are one stream of words.
//! 2. For layers in order, weights in row-major order, take the next word `x`:
//!    `w = (x mod (2u + 1)) - u`, with `u = min(floor(2^weight_frac_bits / sqrt(n_{l-1})), 2^(weight_bits-1) - 1)`.
//! 3. Biases are zero and take no words.
//!
//! # Errors
//! [`ReferenceError::Length`], [`ReferenceError::Weight`].
//!
//! # Source
//! The limit `1/sqrt(n)` is that of LeCun, Bottou, Orr, Müller, "Efficient BackProp" (1998),
//! section 4.6, up to a constant: narrower than He et al. (2015), because features are not
//! centred and a start with small outputs lets a round that adds several updates stay stable.
//! The stream is our own.

use sha3::{Digest, Keccak256};

use super::{expect_length, ReferenceError};
use crate::profile::Profile;
use crate::quantize::{clamp, signed_max, signed_min};

/// The weights and biases of one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Number of inputs, `n_{l-1}`.
    pub inputs: usize,
    /// Number of outputs, `n_l`.
    pub outputs: usize,
    /// `inputs × outputs`, row-major `[j][k]`, scale `2^weight_frac_bits`.
    pub weights: Vec<i32>,
    /// `outputs` biases; each is multiplied with `bias_unit`.
    pub bias: Vec<i32>,
}

/// A model: layers `l = 1..=L` at index `l - 1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// The layers.
    pub layers: Vec<Layer>,
}

/// The weights and biases of one layer within a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FineLayer {
    /// Number of inputs, `n_{l-1}`.
    pub inputs: usize,
    /// Number of outputs, `n_l`.
    pub outputs: usize,
    /// `inputs × outputs`, row-major `[j][k]`, scale `2^(weight_frac_bits + fine_shift)`.
    pub weights: Vec<i64>,
    /// `outputs` biases; each is multiplied with `bias_unit`.
    pub bias: Vec<i64>,
}

/// The weights `V(e)` that step `e` of a run starts from: exact integers, never rounded nor clamped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FineModel {
    /// The layers.
    pub layers: Vec<FineLayer>,
}

/// The update of one layer, shaped like [`Layer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerUpdate {
    /// `ΔW_l`, row-major `[j][k]`.
    pub weights: Vec<i64>,
    /// `Δb_l`.
    pub bias: Vec<i64>,
}

/// An update: the integer gradient of one step, or `local_rate` times the sum of those of a run, before the learning rate
/// of the round; or a sum of several updates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The layers.
    pub layers: Vec<LayerUpdate>,
}

/// The public stream of words that a start model is drawn from.
struct Words {
    seed: [u8; 32],
    next: u64,
    block: [u8; 32],
}

impl Words {
    fn next(&mut self) -> u64 {
        let place = (self.next % 4) as usize * 8;
        if place == 0 {
            let hash = Keccak256::new().chain_update(b"zkpoc.model.v1").chain_update(self.seed);
            self.block = hash.chain_update((self.next / 4).to_be_bytes()).finalize().into();
        }
        self.next += 1;
        let mut word = [0; 8];
        word.copy_from_slice(&self.block[place..place + 8]);
        u64::from_be_bytes(word)
    }
}

impl Model {
    /// The model whose weights and biases are all zero.
    #[must_use]
    pub fn zero(profile: &Profile) -> Self {
        let layer =
            |n: &[usize]| Layer { inputs: n[0], outputs: n[1], weights: vec![0; n[0] * n[1]], bias: vec![0; n[1]] };
        Self { layers: profile.layers.windows(2).map(layer).collect() }
    }

    /// The public start model of a seed; see the module's section "Start".
    #[must_use]
    pub fn random(profile: &Profile, seed: [u8; 32]) -> Self {
        let mut words = Words { seed, next: 0, block: [0; 32] };
        let mut model = Self::zero(profile);
        for layer in &mut model.layers {
            let square = (1u128 << (2 * profile.weight_frac_bits.min(31))) / layer.inputs.max(1) as u128;
            let max = signed_max(profile.weight_bits).unsigned_abs();
            let limit = (square.isqrt() as u64).min(max);
            for weight in &mut layer.weights {
                *weight = ((words.next() % (2 * limit + 1)) as i64 - limit as i64) as i32;
            }
        }
        model
    }

    /// Refuses a model of another shape or with a weight out of range.
    ///
    /// # Errors
    /// [`ReferenceError::Length`], [`ReferenceError::Weight`].
    pub fn check(&self, profile: &Profile) -> Result<(), ReferenceError> {
        expect_length(|| "the model's list of layers".into(), self.layers.len(), profile.depth())?;
        let (min, max) = (signed_min(profile.weight_bits), signed_max(profile.weight_bits));
        for (i, (layer, n)) in self.layers.iter().zip(profile.layers.windows(2)).enumerate() {
            let l = i + 1;
            expect_length(|| format!("inputs of layer {l}"), layer.inputs, n[0])?;
            expect_length(|| format!("outputs of layer {l}"), layer.outputs, n[1])?;
            let cells = layer.inputs.saturating_mul(layer.outputs);
            expect_length(|| format!("layers.{l}.weight"), layer.weights.len(), cells)?;
            expect_length(|| format!("layers.{l}.bias"), layer.bias.len(), layer.outputs)?;
            let outside = |w: &i32| !(min..=max).contains(&i64::from(*w));
            if let Some(at) = layer.weights.iter().position(outside) {
                let what = format!("layers.{l}.weight[{}][{}]", at / layer.outputs, at % layer.outputs);
                return Err(ReferenceError::Weight { what, got: layer.weights[at].into(), min, max });
            }
            if let Some(at) = layer.bias.iter().position(outside) {
                let what = format!("layers.{l}.bias[{at}]");
                return Err(ReferenceError::Weight { what, got: layer.bias[at].into(), min, max });
            }
        }
        Ok(())
    }

    /// The next model after a step of one update: [`Model::apply_mean`] of one claim.
    #[must_use]
    pub fn apply(&self, profile: &Profile, update: &Update) -> Self {
        self.apply_mean(profile, update, 1)
    }

    /// The next model of a round: each weight minus the rounded mean of `claims` updates, whose sum is given, times the
    /// learning rate, clamped. What [`crate::round`] proves.
    ///
    /// No claims are taken for one. Cells that one side lacks stay as they are; [`Update::check`] tells beforehand. With
    /// server momentum this is a first round, which has no round before it: [`Model::apply_mean_after`].
    #[must_use]
    pub fn apply_mean(&self, profile: &Profile, sum: &Update, claims: u64) -> Self {
        self.apply_mean_after(profile, self, sum, claims)
    }

    /// The next model of a round with server momentum `m / 4`, where `previous` is the model that this one was made from:
    /// `W' = clamp(W - floor((4 numerator S - m N 2^shift (W - W_previous) + 2 N 2^shift) / (4 N 2^shift)))`.
    ///
    /// Without momentum it is [`Model::apply_mean`], whatever the previous model was. Cells that a side lacks stay as they are.
    #[must_use]
    pub fn apply_mean_after(&self, profile: &Profile, previous: &Self, sum: &Update, claims: u64) -> Self {
        let (min, max) = (signed_min(profile.weight_bits), signed_max(profile.weight_bits));
        let rate = &profile.learning_rate;
        // Profiles keep claims below 2^53, shifts below 63 and the term of the momentum below 2^124.
        let whole = i128::from(claims.max(1)) << rate.shift;
        let next = |(weight, (before, delta)): (&mut i32, (&i32, &i64))| {
            let change = i128::from(*weight) - i128::from(*before);
            let momentum = (i128::from(profile.momentum) * change).saturating_mul(whole);
            let step = i128::from(*delta).saturating_mul(4 * i128::from(rate.numerator)).saturating_sub(momentum);
            let step = step.saturating_add(2 * whole).div_euclid(4 * whole);
            *weight = clamp(i128::from(*weight) - step, min.into(), max.into()) as i32;
        };
        let mut model = self.clone();
        for ((layer, before), delta) in model.layers.iter_mut().zip(&previous.layers).zip(&sum.layers) {
            layer.weights.iter_mut().zip(before.weights.iter().zip(&delta.weights)).for_each(next);
            layer.bias.iter_mut().zip(before.bias.iter().zip(&delta.bias)).for_each(next);
        }
        model
    }

    /// The weights that a run starts from: `V(0) = W 2^fine_shift`.
    #[must_use]
    pub fn fine(&self, profile: &Profile) -> FineModel {
        let fine = |w: &i32| i64::from(*w) << profile.fine_shift;
        let layer = |layer: &Layer| FineLayer {
            inputs: layer.inputs,
            outputs: layer.outputs,
            weights: layer.weights.iter().map(fine).collect(),
            bias: layer.bias.iter().map(fine).collect(),
        };
        FineModel { layers: self.layers.iter().map(layer).collect() }
    }
}

impl FineModel {
    /// The weights after a step: `V(e+1) = V(e) - local_rate Δ(e)`.
    pub(super) fn descend(&mut self, rate: i64, gradient: &Update) {
        let less = |(v, d): (&mut i64, &i64)| *v -= rate * d;
        for (layer, delta) in self.layers.iter_mut().zip(&gradient.layers) {
            layer.weights.iter_mut().zip(&delta.weights).for_each(less);
            layer.bias.iter_mut().zip(&delta.bias).for_each(less);
        }
    }
}

impl Update {
    /// Adds `rate` times another update of the same shape; a valid profile bounds every sum of a run below `2^62`.
    pub(super) fn add_scaled(&mut self, rate: i64, other: &Self) {
        let more = |(a, b): (&mut i64, &i64)| *a += rate * b;
        for (layer, other) in self.layers.iter_mut().zip(&other.layers) {
            layer.weights.iter_mut().zip(&other.weights).for_each(more);
            layer.bias.iter_mut().zip(&other.bias).for_each(more);
        }
    }

    /// The update of all zeros: the start of a sum.
    #[must_use]
    pub fn zero(profile: &Profile) -> Self {
        let layer = |n: &[usize]| LayerUpdate { weights: vec![0; n[0] * n[1]], bias: vec![0; n[1]] };
        Self { layers: profile.layers.windows(2).map(layer).collect() }
    }

    /// Adds another update of the same shape.
    pub fn add(&mut self, other: &Self) {
        let sum =
            |to: &mut Vec<i64>, from: &Vec<i64>| to.iter_mut().zip(from).for_each(|(a, b)| *a = a.saturating_add(*b));
        for (layer, other) in self.layers.iter_mut().zip(&other.layers) {
            sum(&mut layer.weights, &other.weights);
            sum(&mut layer.bias, &other.bias);
        }
    }

    /// The sum that a first model is made from: `zero.apply_mean(profile, sum, 1)` is `model`.
    #[must_use]
    pub fn to_reach(profile: &Profile, model: &Model) -> Self {
        let rate = &profile.learning_rate;
        // The rounded quotient: its product with the numerator is within half a numerator of the wanted one, and the
        // numerator is below 2^shift.
        let reach = |weight: &i32| {
            let numerator = i128::from(rate.numerator.max(1));
            let wanted = -(i128::from(*weight) << rate.shift);
            (2 * wanted + numerator).div_euclid(2 * numerator) as i64
        };
        let layer = |layer: &Layer| LayerUpdate {
            weights: layer.weights.iter().map(reach).collect(),
            bias: layer.bias.iter().map(reach).collect(),
        };
        Self { layers: model.layers.iter().map(layer).collect() }
    }

    /// Refuses an update of another shape.
    ///
    /// # Errors
    /// [`ReferenceError::Length`].
    pub fn check(&self, profile: &Profile) -> Result<(), ReferenceError> {
        expect_length(|| "the update's list of layers".into(), self.layers.len(), profile.depth())?;
        for (i, (layer, n)) in self.layers.iter().zip(profile.layers.windows(2)).enumerate() {
            let l = i + 1;
            let cells = n[0].saturating_mul(n[1]);
            expect_length(|| format!("update layers.{l}.weight"), layer.weights.len(), cells)?;
            expect_length(|| format!("update layers.{l}.bias"), layer.bias.len(), n[1])?;
        }
        Ok(())
    }

    /// The sum of the squares of all cells.
    #[must_use]
    pub fn norm(&self) -> u128 {
        let square = |d: &i64| u128::from(d.unsigned_abs()).pow(2);
        let cells = self.layers.iter().flat_map(|l| l.weights.iter().chain(&l.bias));
        cells.fold(0u128, |sum, d| sum.saturating_add(square(d)))
    }
}
