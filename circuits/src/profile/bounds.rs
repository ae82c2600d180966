//! Interval arithmetic: the largest magnitude each intermediate of a run can take.
//!
//! # Shapes
//! Worst case over all models, shards and labels that satisfy the profile's ranges, in the last of its `E` steps. With
//! `a_0` the largest magnitude of a feature, `a_l = 2^activation_bits - 1`,
//! `d_l = 2^(signal_bits-1)` (with an output table `d_L = 2^probability_bits`) and `g = max(E - 1, 0)` (in accumulate mode 0)
//! the steps before the last one:
//!
//! - `|V_l| <= 2^(weight_bits-1+fine_shift) + local_rate g batch a_{l-1} d_l`, biases with `bias_unit` for `a_{l-1}`
//! - `|Z_l| <= n_{l-1} a_{l-1} |V_l| + bias_unit |bias|`
//! - `|Z_L - target y| <= |Z_L| + target`; with an output table the difference of two outputs, `2 |Z_L|`
//! - `|D_l| <= n_{l+1} d_{l+1} |V_{l+1}|`
//! - `|update| <= local_rate E batch max(a_{l-1}, bias_unit) d_l`
//! - `norm` is the sum of the squared bounds of all cells, `loss <= E batch n_L d_L^2`
//!
//! # Errors
//! None: all sums saturate at `u128::MAX`, which validation then refuses.
//!
//! # Source
//! Own.

use super::{Mode, Profile};
use crate::quantize::{signed_max, signed_min, unsigned_max};

/// Largest magnitudes of a run's intermediates, in their own integer units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Largest magnitude of a fine weight of `V_l`, biases apart, `l = 1..=L`, at index `l - 1`.
    pub weight: Vec<u128>,
    /// Largest magnitude of a fine bias of layer `l`, `l = 1..=L`, at index `l - 1`.
    pub bias: Vec<u128>,
    /// Largest `|Z_l|`, `l = 1..=L`, at index `l - 1`.
    pub pre_activation: Vec<u128>,
    /// Largest `|D_l|`, `l = 1..L`, at index `l - 1`; empty when there is no hidden layer.
    pub backprop: Vec<u128>,
    /// Largest `|Z_L - target * y|`; with an output table the largest difference of two outputs.
    pub residual: u128,
    /// Largest magnitude of a cell of the update, weights and biases.
    pub update: u128,
    /// Largest sum of the squares of all cells of the update.
    pub norm: u128,
    /// Largest sum of the squares of the output signals of all steps.
    pub loss: u128,
}

fn positive(v: i64) -> u128 {
    u128::from(v.unsigned_abs())
}

/// A product that saturates.
fn product(factors: &[u128]) -> u128 {
    factors.iter().fold(1, |product, factor| product.saturating_mul(*factor))
}

impl Bounds {
    /// The bounds of a profile, validated or not.
    pub(super) fn of(profile: &Profile) -> Self {
        let start = product(&[positive(signed_min(profile.weight_bits)), 1 << profile.fine_shift.min(64)]);
        let (steps, batch) = (u128::from(profile.local_steps), profile.batch as u128);
        let rate = u128::from(profile.local_rate);
        let before = match profile.mode {
            Mode::Local => steps.saturating_sub(1),
            Mode::Accumulate => 0,
        };
        let unit = positive(profile.bias_unit);
        let depth = profile.depth();
        let input = |layer: usize| match layer {
            0 => {
                let (low, high) = profile.feature_range();
                positive(low).max(positive(high))
            }
            _ => positive(unsigned_max(profile.activation_bits)),
        };
        let signal = |layer: usize| match profile.output_table {
            Some(table) if layer + 1 == depth => 1 << table.probability_bits.min(64),
            _ => positive(signed_max(profile.signal_bits)) + 1,
        };

        let mut bounds = Self {
            weight: Vec::new(),
            bias: Vec::new(),
            pre_activation: Vec::new(),
            backprop: Vec::new(),
            residual: 0,
            update: 0,
            norm: 0,
            loss: 0,
        };
        for (layer, pair) in profile.layers.windows(2).enumerate() {
            let (inputs, outputs) = (pair[0] as u128, pair[1] as u128);
            // One step's change of a weight and of a bias.
            let change = product(&[rate, batch, input(layer), signal(layer)]);
            let bias_change = product(&[rate, batch, unit, signal(layer)]);
            let weight = start.saturating_add(before.saturating_mul(change));
            let bias = start.saturating_add(before.saturating_mul(bias_change));
            bounds
                .pre_activation
                .push(product(&[inputs, input(layer), weight]).saturating_add(unit.saturating_mul(bias)));
            if layer > 0 {
                bounds.backprop.push(product(&[outputs, signal(layer), weight]));
            }

            let (cell, bias_cell) = (steps.saturating_mul(change), steps.saturating_mul(bias_change));
            bounds.update = bounds.update.max(cell).max(bias_cell);
            let squares = product(&[inputs, cell, cell]).saturating_add(product(&[bias_cell, bias_cell]));
            bounds.norm = bounds.norm.saturating_add(outputs.saturating_mul(squares));
            bounds.weight.push(weight);
            bounds.bias.push(bias);
        }
        let last = bounds.pre_activation.last().copied().unwrap_or(0);
        bounds.residual = match profile.output_table {
            Some(_) => last.saturating_mul(2),
            None => last.saturating_add(positive(profile.target)),
        };
        let output = signal(depth.saturating_sub(1));
        bounds.loss = product(&[steps, batch, profile.classes() as u128, output, output]);
        bounds
    }
}
