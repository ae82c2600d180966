//! One step in integers, with everything a circuit commits to or checks.
//!
//! # Shapes
//! See the table of [`crate::reference`]. Products are exact in `i64`: a valid profile bounds each
//! sum below `2^62`, and each partial sum is bounded by the same interval.
//!
//! # Errors
//! [`step`] refuses an invalid profile, model or shard, and a profile of several steps; equal records are left to
//! [`Shard::check`](super::Shard::check).
//!
//! # Source
//! Own.

use rayon::prelude::*;

use super::model::{FineLayer, FineModel, LayerUpdate, Model, Update};
use super::output::OutputRule;
use super::{run, ReferenceError, Shard};
use crate::profile::Profile;
use crate::quantize::{clamp, round_shift, signed_max, signed_min, unsigned_max};

/// Everything one step computes. Lists over layers start at `l = 1` (index 0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepTrace {
    /// `Z_l`, `l = 1..=L`, row-major `[i][k]`.
    pub pre: Vec<Vec<i64>>,
    /// `A_l`, `l = 1..L`.
    pub activations: Vec<Vec<i64>>,
    /// `M_l`, `l = 1..L`.
    pub mask: Vec<Vec<bool>>,
    /// `D_l`, `l = 1..L`, before the mask.
    pub backprop: Vec<Vec<i64>>,
    /// `dZ_l`, `l = 1..=L`.
    pub signals: Vec<Vec<i64>>,
    /// `ΔW_l`, `Δb_l`.
    pub update: Update,
    /// `Σ dZ_L²`.
    pub loss: u128,
    /// Sum of the squares of all cells of the update.
    pub norm: u128,
}

/// The forward pass over any number of records.
pub(super) struct Forward {
    pub(super) pre: Vec<Vec<i64>>,
    pub(super) activations: Vec<Vec<i64>>,
    pub(super) mask: Vec<Vec<bool>>,
}

/// `input · W + bias_unit · b`, record by record.
fn dense(profile: &Profile, layer: &FineLayer, input: &[i64]) -> Vec<i64> {
    let mut out = vec![0i64; input.len() / layer.inputs * layer.outputs];
    let records = out.par_chunks_mut(layer.outputs).zip(input.par_chunks(layer.inputs));
    records.for_each(|(out, record)| {
        for (z, b) in out.iter_mut().zip(&layer.bias) {
            *z = profile.bias_unit * *b;
        }
        let rows = layer.weights.chunks_exact(layer.outputs);
        for (a, row) in record.iter().zip(rows).filter(|(a, _)| **a != 0) {
            for (z, w) in out.iter_mut().zip(row) {
                *z += a * *w;
            }
        }
    });
    out
}

/// Forward pass; the caller has checked profile, model and features.
pub(super) fn forward(profile: &Profile, model: &FineModel, features: &[u16]) -> Forward {
    let top = i128::from(unsigned_max(profile.activation_bits));
    let first: Vec<i64> = features.iter().map(|x| profile.feature_value(*x)).collect();
    let mut f = Forward { pre: Vec::new(), activations: Vec::new(), mask: Vec::new() };
    for (l, layer) in model.layers.iter().enumerate() {
        let z = dense(profile, layer, f.activations.last().unwrap_or(&first));
        if l + 1 < model.layers.len() {
            let rounded = z.iter().map(|z| round_shift((*z).into(), profile.activation_shift));
            let (a, m) = rounded.map(|t| (clamp(t, 0, top) as i64, t >= 0)).unzip();
            f.activations.push(a);
            f.mask.push(m);
        }
        f.pre.push(z);
    }
    f
}

/// Rounds and saturates an exact sum to a signal.
pub(super) fn signal(profile: &Profile, v: i128, shift: u32) -> i64 {
    let (low, high) = (signed_min(profile.signal_bits), signed_max(profile.signal_bits));
    clamp(round_shift(v, shift), low.into(), high.into()) as i64
}

/// `signals · Wᵀ`, record by record.
fn dense_transposed(layer: &FineLayer, signals: &[i64]) -> Vec<i64> {
    let mut out = vec![0i64; signals.len() / layer.outputs * layer.inputs];
    let records = out.par_chunks_mut(layer.inputs).zip(signals.par_chunks(layer.outputs));
    records.for_each(|(out, record)| {
        for (d, row) in out.iter_mut().zip(layer.weights.chunks_exact(layer.outputs)) {
            *d = record.iter().zip(row).map(|(s, w)| s * *w).sum();
        }
    });
    out
}

/// `ΔW = inputᵀ · signals` and `Δb = bias_unit · column sums`.
fn gradient(profile: &Profile, layer: &FineLayer, input: &[i64], signals: &[i64]) -> LayerUpdate {
    let mut weights = vec![0i64; layer.inputs * layer.outputs];
    weights.par_chunks_mut(layer.outputs).enumerate().for_each(|(j, row)| {
        let records = input.chunks_exact(layer.inputs).zip(signals.chunks_exact(layer.outputs));
        for (a, record) in records.map(|(a, s)| (a[j], s)).filter(|(a, _)| *a != 0) {
            for (delta, s) in row.iter_mut().zip(record) {
                *delta += a * s;
            }
        }
    });
    let mut bias = vec![0i64; layer.outputs];
    for record in signals.chunks_exact(layer.outputs) {
        for (delta, s) in bias.iter_mut().zip(record) {
            *delta += profile.bias_unit * s;
        }
    }
    LayerUpdate { weights, bias }
}

/// The sum of the squares of signals.
pub(super) fn squares(signals: &[i64]) -> u128 {
    signals.iter().map(|s| u128::from(s.unsigned_abs()).pow(2)).sum()
}

/// A step on checked records: forward pass, loss, backward pass, exact integer gradient.
pub(super) fn step_of(
    profile: &Profile,
    rule: &OutputRule,
    model: &FineModel,
    features: &[u16],
    labels: &[u16],
) -> StepTrace {
    let Forward { pre, activations, mask } = forward(profile, model, features);
    let features: Vec<i64> = features.iter().map(|x| profile.feature_value(*x)).collect();
    let depth = profile.depth();

    let mut signals = vec![rule.signals(profile, &pre[depth - 1], labels)];
    let mut backprop = Vec::new();
    // Both lists are built from the last layer to the first and then reversed.
    for (layer, mask) in model.layers.iter().skip(1).zip(&mask).rev() {
        let d = dense_transposed(layer, &signals[signals.len() - 1]);
        let cell = |(d, m): (&i64, &bool)| match m {
            true => signal(profile, (*d).into(), profile.backprop_shift),
            false => 0,
        };
        signals.push(d.iter().zip(mask).map(cell).collect());
        backprop.push(d);
    }
    signals.reverse();
    backprop.reverse();

    let inputs = std::iter::once(&features).chain(&activations);
    let layers = model.layers.iter().zip(inputs).zip(&signals);
    let update = Update { layers: layers.map(|((l, a), s)| gradient(profile, l, a, s)).collect() };
    let (loss, norm) = (squares(&signals[depth - 1]), update.norm());
    StepTrace { pre, activations, mask, backprop, signals, update, loss, norm }
}

/// The one step of a profile with `local_steps` 1: the first step of [`run`]. Its gradient is the claim's update where
/// `local_rate` is 1.
///
/// # Errors
/// An invalid profile, one of several steps; a model or shard of another shape or with a value out of range.
pub fn step(profile: &Profile, model: &Model, shard: &Shard) -> Result<StepTrace, ReferenceError> {
    profile.validate()?;
    if profile.local_steps != 1 {
        return Err(ReferenceError::Steps { local_steps: profile.local_steps });
    }
    // invariant: a run has a trace for each of its steps.
    run(profile, model, shard)?.steps.pop().ok_or(ReferenceError::Steps { local_steps: 0 })
}
