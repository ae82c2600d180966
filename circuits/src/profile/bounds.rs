//! Interval arithmetic: the largest magnitude each intermediate of a step can take.
//!
//! # Shapes
//! Worst case over all models, shards and labels that satisfy the profile's ranges. With
//! `a_0 = 2^feature_bits - 1`, `a_l = 2^activation_bits - 1`, `w = 2^(weight_bits-1)`,
//! `d = 2^(signal_bits-1)`:
//!
//! - `|Z_l| <= (n_{l-1} a_{l-1} + bias_unit) w`
//! - `|Z_L - target y| <= |Z_L| + target`; with a softmax `|max Z_L - Z_L| <= 2 |Z_L|`
//! - `|D_l| <= n_{l+1} d w`
//! - `|update| <= batch max(a_{l-1}, bias_unit) d`
//! - `norm` is the sum of the squared bounds of all cells, `loss <= batch n_L d^2`
//!
//! # Errors
//! None: all sums saturate at `u128::MAX`, which validation then refuses.
//!
//! # Source
//! Own.

use super::Profile;
use crate::quantize::{signed_max, signed_min, unsigned_max};

/// Largest magnitudes of a step's intermediates, in their own integer units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Largest `|Z_l|`, `l = 1..=L`, at index `l - 1`.
    pub pre_activation: Vec<u128>,
    /// Largest `|D_l|`, `l = 1..L`, at index `l - 1`; empty when there is no hidden layer.
    pub backprop: Vec<u128>,
    /// Largest `|Z_L - target * y|`.
    pub residual: u128,
    /// Largest magnitude of a cell of the update, weights and biases.
    pub update: u128,
    /// Largest sum of the squares of all cells of the update.
    pub norm: u128,
    /// Largest sum of the squares of the output signals.
    pub loss: u128,
}

fn positive(v: i64) -> u128 {
    u128::from(v.unsigned_abs())
}

impl Bounds {
    /// The bounds of a profile, validated or not.
    pub(super) fn of(profile: &Profile) -> Self {
        let weight = positive(signed_min(profile.weight_bits));
        let signal = positive(signed_max(profile.signal_bits)) + 1;
        let bias = positive(profile.bias_unit);
        let batch = profile.batch as u128;
        let input = |layer: usize| match layer {
            0 => positive(unsigned_max(profile.feature_bits)),
            _ => positive(unsigned_max(profile.activation_bits)),
        };

        let mut pre_activation = Vec::new();
        let mut update = 0u128;
        let mut norm = 0u128;
        for (layer, pair) in profile.layers.windows(2).enumerate() {
            let (inputs, outputs) = (pair[0] as u128, pair[1] as u128);
            let sum = inputs.saturating_mul(input(layer)).saturating_add(bias);
            pre_activation.push(sum.saturating_mul(weight));

            let cell = batch.saturating_mul(signal).saturating_mul(input(layer));
            let bias_cell = batch.saturating_mul(signal).saturating_mul(bias);
            update = update.max(cell).max(bias_cell);
            let squares =
                inputs.saturating_mul(cell.saturating_mul(cell)).saturating_add(bias_cell.saturating_mul(bias_cell));
            norm = norm.saturating_add(outputs.saturating_mul(squares));
        }
        let backprop =
            profile.layers.iter().skip(2).map(|n| (*n as u128).saturating_mul(signal).saturating_mul(weight)).collect();
        let last = pre_activation.last().copied().unwrap_or(0);
        // What the output's rounding gets: the distance from the target, or from the record's largest output.
        let residual = match profile.softmax {
            Some(_) => last.saturating_mul(2),
            None => last.saturating_add(positive(profile.target)),
        };
        Self {
            backprop,
            residual,
            update,
            norm,
            loss: batch.saturating_mul(profile.classes() as u128).saturating_mul(signal.saturating_mul(signal)),
            pre_activation,
        }
    }
}
