//! Units: rounding, clamping, activation, residual, signal, loss.
//!
//! # Shapes
//! At a base row (one unit, one sample), integers. With `S` the remainder bits, `half = 2^(S-1)`,
//! `gain = S - shift` and `Q = 2^bits - 1`, a value `v` is requantised by
//! `v 2^gain + half = 2^S t + rem`, `t' = t - offset`, `quo = clamp(t', 0, Q)`,
//! `t' = quo + exc - below (2 exc + 1)`.
//!
//! The constraints `signal.*` hold for the residual of an output and the back-propagated signal of a hidden unit, `activation.*`
//! for the pre-activation of a hidden unit. `F`, `G` and `loss` are the folds of the pre-activations, of the signals, and in one
//! lane of squared residuals and of back-propagated sums. `Z` and `D` are the pre-activation and the back-propagated
//! sum rebuilt from the limbs, `dZ` is the signal.
//!
//! # Constraints
//! | constraint | rows | degree | formula | attack test |
//! |---|---|---|---|---|
//! | `signal.sign` | units | 3 | `below (below - 1) = 0` | `rejects_a_sign_that_is_no_bit` |
//! | `signal.floor` | units | 3 | `below quo = 0` | `rejects_a_residual_that_is_not_the_rounded_clamp` |
//! | `signal.ceiling` | units | 3 | `exc (quo - Q (1 - below)) = 0` | `rejects_a_residual_that_is_not_the_rounded_clamp` |
//! | `signal.scaled` | units | 2 | a top limb that falls short of a full limb, times `2^missing`, is a looked-up cell too | `rejects_a_top_limb_beyond_the_missing_bits` |
//! | `activation.sign` | hidden units | 3 | `below (below - 1) = 0` | `rejects_a_sign_that_is_no_bit` |
//! | `activation.floor` | hidden units | 3 | `below quo = 0` | `rejects_a_masked_unit_that_is_active` |
//! | `activation.ceiling` | hidden units | 3 | `exc (quo - Q (1 - below)) = 0` | `rejects_a_masked_unit_that_is_active` |
//! | `activation.scaled` | hidden units | 2 | as `signal.scaled` | `rejects_a_top_limb_beyond_the_missing_bits` |
//! | `hidden.activation` | hidden units | 2 | activation `= quo` (offset 0) | `rejects_a_wrong_activation` |
//! | `hidden.fold.pre` | hidden units | 3 | `theta F = F[+1] + theta Z` | `rejects_folds_of_units_that_are_not_the_units` |
//! | `hidden.fold.back` | hidden units | 3 | `theta loss = loss[+1] + theta D` | `rejects_folds_of_units_that_are_not_the_units` |
//! | `hidden.fold.signal` | hidden units | 3 | `upsilon G = G[+R] + upsilon (1 - below) (offset + quo)`, `below` of the activation | `rejects_a_signal_fold_that_ignores_the_mask` |
//! | `output.residual` | outputs, real samples | 3 | residual `= offset + quo` | `rejects_a_residual_that_is_not_the_rounded_clamp` |
//! | `output.phantom` | outputs, phantom samples | 3 | residual `= 0` | `rejects_a_residual_of_a_record_that_does_not_exist` |
//! | `output.fold.pre` | outputs | 3 | `theta F = F[+1] + theta (Z + target y)` | `rejects_folds_of_units_that_are_not_the_units` |
//! | `output.fold.signal` | outputs | 2 | `upsilon G = G[+R] + upsilon dZ`, `dZ` the residual | `rejects_an_output_signal_that_is_not_the_residual` |
//! | `loss` | outputs | 3 | `loss = loss[+1] + dZ^2` | `rejects_a_loss_that_does_not_count_or_starts_below_zero` |
//! | `stop.pre` | bias and end blocks | 3 | `F = 0` | `rejects_unit_folds_that_do_not_start_at_zero` |
//! | `stop.signal` | bias and end blocks | 3 | `G = 0` | `rejects_signal_folds_that_do_not_start_at_zero` |
//! | `stop.loss` | bias and end blocks; with laps row 0 of each, for each layer `l >= 2` | 3 | `loss = 0`; with laps on the first row of the layer's bias block | `rejects_unit_folds_that_do_not_start_at_zero` |
//! | `backward.signal` | backward sections | 3 | input `= (1 - below) (offset + quo)` of the hidden unit | `rejects_a_backward_signal_that_is_not_the_unit_and_updates_beside_it` |
//!
//! `q_output` is 1 on the rows of real samples and 2 on those of phantom samples, where constraints of all outputs carry a factor of 2.
//! Bias and end blocks follow a layer's units, so a fold that is 0 there begins with the layer's last unit.
//!
//! # Soundness
//! Claim: activations and residuals are the rounded clamps of the values that the folds hold, signals are clamped and masked,
//! and `loss` is the sum of the squared residuals.
//!
//! `quo`, `rem` and `exc` are sums of looked-up limbs ([`super::lookup`]), the top ones of `quo` short by `signal.scaled` and
//! `activation.scaled`, so they are integers in their ranges, and `below` is a bit (`signal.sign`, `activation.sign`). Then
//! `2^S t + rem` is unique: both sides are below `2^(bits of exc + S + 1)`, for any profile below `2^137`, far below `r/2`.
//! When `below = 0`, `t' = quo + exc >= 0`, and `exc > 0` forces `quo = Q` (`signal.ceiling`, `activation.ceiling`); when
//! `below = 1`, `quo = 0` (`signal.floor`, `activation.floor`) and `t' = -(exc + 1) < 0`. So `quo` is the clamp and
//! `below` says whether `t' < 0`; for activations, that is the mask of the ReLU, and `quo` the activation
//! (`hidden.activation`). `Z` and `D` are exact integers by the product identities of [`super::links`], which read their folds
//! (`hidden.fold.pre`, `output.fold.pre`, `hidden.fold.back`) from the start that `stop.pre` and `stop.loss` pin (with laps `stop.loss` in the bias blocks alone, where the sums of hidden units begin), and
//! the equality of field elements is one of integers by the same bound. Signals are folded (`hidden.fold.signal`,
//! `output.fold.signal`, from `stop.signal`) for the update, and squared for the loss (`loss`, from `stop.loss`, with laps from
//! `loss.start` and `loss.carry` of [`super::links`]); those of hidden
//! units enter the backward sections as `backward.signal`. Phantom samples carry some values, but their residual is 0
//! (`output.phantom`, beside `output.residual`), hence all their signals are 0 and the update does not see them.

use super::super::config::{Cells, TrainingConfig};
use super::super::plan::{Limbs, Plan, Requantise};
use super::{softmax, Named};
use crate::expr::{constant, recompose, Expr};
use crate::field::{power_of_two, signed};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

/// Expressions of one requantisation at a base row.
pub(super) struct Parts {
    pub(super) quotient: Expr,
    remainder: Expr,
    pub(super) excess: Expr,
    below: Expr,
}

impl Parts {
    fn query(q: &mut Cells<'_, '_>, limb: u32, part: &Requantise) -> Self {
        // Limbs: bound by `lookup` to the table, the top ones of the quotient by `signal.scaled` or `activation.scaled` too;
        // their numbers by `*.floor`, `*.ceiling` and the folds of the rebuilt value.
        let mut limbs = |limbs: &Limbs| recompose(limb, limbs.lanes.iter().map(|lane| q.lane(*lane, 0)).collect());
        let quotient = limbs(&part.quotient);
        let remainder = limbs(&part.remainder);
        let excess = limbs(&part.excess);
        // Sign: bound by `signal.sign` or `activation.sign` to a bit, by `*.floor`, `*.ceiling` and the folds to its value.
        let below = q.lane(part.below, 0);
        Parts { quotient, remainder, excess, below }
    }

    /// The value `v` that was requantised.
    fn value(&self, remainder_bits: u32, shift: u32, offset: i128) -> Expr {
        let t = self.quotient.clone() + self.excess.clone()
            - self.below.clone() * (self.excess.clone() * Fr::from(2) + constant(1))
            + Expr::Constant(signed(offset));
        let scaled = t * power_of_two(remainder_bits) + self.remainder.clone()
            - Expr::Constant(power_of_two(remainder_bits - 1));
        // invariant: a power of two is invertible.
        scaled * power_of_two(remainder_bits - shift).invert().unwrap_or(Fr::ZERO)
    }

    /// The value that is not negative and was rounded down.
    pub(super) fn floored(&self, remainder_bits: u32, shift: u32) -> Expr {
        let scaled =
            (self.quotient.clone() + self.excess.clone()) * power_of_two(remainder_bits) + self.remainder.clone();
        // invariant: a power of two is invertible.
        scaled * power_of_two(remainder_bits - shift).invert().unwrap_or(Fr::ZERO)
    }

    /// `*.sign`, `*.floor` and `*.ceiling` under a selector.
    fn clamp(&self, selector: &Expr, bits: u32, names: [&'static str; 3]) -> Named {
        let top = Expr::Constant(power_of_two(bits) - Fr::ONE);
        let below = self.below.clone();
        vec![
            (names[0], selector.clone() * below.clone() * (below.clone() - constant(1))),
            (names[1], selector.clone() * below.clone() * self.quotient.clone()),
            (names[2], selector.clone() * self.excess.clone() * (self.quotient.clone() - top * (constant(1) - below))),
        ]
    }
}

/// `*.scaled` for the limbs of a requantisation that fall short.
fn scaled(q: &mut Cells<'_, '_>, part: &Requantise, selector: &Expr, name: &'static str) -> Named {
    let mut out = Vec::new();
    for limbs in [&part.quotient, &part.remainder, &part.excess] {
        if let (Some(scaled), Some(top)) = (limbs.scaled, limbs.lanes.last()) {
            // The top limb and its multiple: both bound by `lookup` to the table, to each other by the constraint here.
            let (scaled, top) = (q.lane(scaled, 0), q.lane(*top, 0));
            out.push((name, selector.clone() * (scaled - top * power_of_two(limbs.missing))));
        }
    }
    out
}

pub(super) fn create(meta: &mut ConstraintSystem<Fr>, config: &TrainingConfig, plan: &Plan) {
    meta.create_gate("units", |meta| units(&mut Cells { meta, config }, plan));
}

fn units(q: &mut Cells<'_, '_>, plan: &Plan) -> Named {
    let config = q.config;
    let profile = &plan.profile;
    let limb = profile.limb_bits;
    let rows = plan.grid.rows_per_block as i32;
    let offset = -(1i128 << (profile.signal_bits - 1));

    // Fixed columns: bound by the verifying key.
    let hidden = q.fixed(config.fixed.q_hidden);
    let output = q.fixed(config.fixed.q_output);
    // Challenges: bound by the transcript, drawn after the first phase.
    let theta = q.challenge(config.challenges.theta);
    let upsilon = q.challenge(config.challenges.upsilon);
    // Activation, residual or signal: bound by `hidden.activation`, `output.residual`, `output.phantom`, `backward.signal`.
    let unit = q.unit(0);
    let signal = Parts::query(q, limb, &plan.signal);
    // With a softmax an output's signal is not rounded here, only what its limbs hold.
    let softmax = profile.softmax().zip(plan.softmax.as_ref());
    let either = hidden.clone() + output.clone();
    let rounded = if softmax.is_some() { hidden.clone() } else { either.clone() };
    let mut out = signal.clamp(&rounded, profile.signal_bits, ["signal.sign", "signal.floor", "signal.ceiling"]);

    // Fold of the pre-activations, here and at the next unit or sample: bound by `hidden.fold.pre` and `output.fold.pre`, after
    // the layer's last row by `stop.pre`.
    let pre = q.chain(plan.pre_fold, 0);
    let pre_next = q.chain(plan.pre_fold, 1);
    let pre_step = theta.clone() * pre.clone() - pre_next;
    // Fold of the signals of one sample, here and at the next unit: bound by `hidden.fold.signal` and `output.fold.signal`, after
    // the layer's last unit by `stop.signal`.
    let folded = q.chain(plan.signal_fold, 0);
    let folded_next = q.chain(plan.signal_fold, rows);
    let signal_step = upsilon.clone() * folded.clone() - folded_next;

    // Outputs.
    // Label: bound by the link to a column that the dataset circuit validated (`label.bit`, `label.one`).
    let label = q.advice(config.x, 0);
    let dequantised = signal.quotient.clone() + Expr::Constant(signed(offset));
    let (value, residual) = match softmax {
        None => {
            let target = Expr::Constant(signed(i128::from(profile.target)));
            (signal.value(plan.signal.shift, profile.residual_shift, offset) + target * label, dequantised.clone())
        }
        Some((table, lanes)) => {
            let (of, constraints) = softmax::create(q, plan, table, lanes, &signal);
            out.extend(constraints);
            (of.pre, of.share - label * power_of_two(table.probability_bits))
        }
    };
    out.push(("output.fold.pre", output.clone() * (pre_step.clone() - theta.clone() * value)));
    out.push(("output.residual", output.clone() * (constant(2) - output.clone()) * (unit.clone() - residual)));
    out.push(("output.phantom", output.clone() * (output.clone() - constant(1)) * unit.clone()));
    out.push(("output.fold.signal", output.clone() * (signal_step.clone() - upsilon.clone() * unit.clone())));
    // Loss, or fold of the back-propagated sums, here and on the next row: bound by `loss` and `hidden.fold.back`, after the
    // layer's last row by `stop.loss`.
    let last = q.chain(plan.loss_fold, 0);
    let last_next = q.chain(plan.loss_fold, 1);
    out.push(("loss", output * (last.clone() - last_next.clone() - unit.clone() * unit.clone())));
    out.extend(scaled(q, &plan.signal, &either, "signal.scaled"));

    // Bias and end blocks.
    // Fixed columns: bound by the verifying key.
    let stop = q.selectors().stop;
    for (name, fold) in [("stop.pre", &pre), ("stop.signal", &folded)] {
        out.push((name, stop.clone() * fold.clone()));
    }
    match &config.laps {
        None => out.push(("stop.loss", stop * last.clone())),
        // With laps the loss goes on from lap to lap: `loss.start` and `loss.carry` begin it, here the other folds of the lane.
        Some(_) => {
            // Fixed columns: bound by the verifying key.
            let row_zero = q.selectors().zero;
            for l in 2..=plan.grid.depth() {
                // Fold of the back-propagated sums after the layer's last row: bound by `stop.loss`.
                let end = q.chain(plan.loss_fold, plan.grid.row(plan.grid.bias(l)) as i32);
                out.push(("stop.loss", row_zero.clone() * end));
            }
        }
    }

    // Hidden units.
    let Some(relu) = &plan.relu else { return out };
    let activation = Parts::query(q, limb, relu);
    let names = ["activation.sign", "activation.floor", "activation.ceiling"];
    out.extend(activation.clamp(&hidden, profile.activation_bits, names));
    out.push(("hidden.activation", hidden.clone() * (unit.clone() - activation.quotient.clone())));
    out.extend(scaled(q, relu, &hidden, "activation.scaled"));
    let value = activation.value(relu.shift, profile.activation_shift, 0);
    out.push(("hidden.fold.pre", hidden.clone() * (pre_step - theta.clone() * value)));
    let value = signal.value(plan.signal.shift, profile.backprop_shift, offset);
    out.push(("hidden.fold.back", hidden.clone() * (theta.clone() * last - last_next - theta * value)));
    let masked = (constant(1) - activation.below) * dequantised;
    out.push(("hidden.fold.signal", hidden * (signal_step - upsilon * masked)));

    // In a backward section the unit's signal is the input.
    if let Some(backward) = config.fixed.q_backward {
        // Fixed column: bound by the verifying key.
        let backward = q.fixed(backward);
        let grid = &plan.grid;
        let rows = grid.row(grid.input(3, 0)) as i32 - grid.row(grid.transposed(2, 0)) as i32;
        // Quotient and sign of the hidden unit, whose base row is `rows` away: bound there by `lookup`, `signal.floor`,
        // `signal.ceiling` and `activation.sign`, `activation.floor`, `activation.ceiling`.
        let mut at = |lane| q.lane(lane, rows);
        let quotient = recompose(limb, plan.signal.quotient.lanes.iter().map(|lane| at(*lane)).collect());
        let below = at(relu.below);
        let masked = (constant(1) - below) * (quotient + Expr::Constant(signed(offset)));
        out.push(("backward.signal", backward * (unit - masked)));
    }
    out
}
