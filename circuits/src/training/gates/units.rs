//! Units: rounding, clamping, activation, residual, signal, loss.
//!
//! # Shapes
//! At a base row (one unit, one sample), integers. With `S` the remainder bits, `half = 2^(S-1)`,
//! `gain = S - shift` and `Q = 2^bits - 1`, a value `v` is requantised by
//! `v 2^gain + half = 2^S t + rem`, `t' = t - offset`, `quo = clamp(t', 0, Q)`,
//! `t' = quo + exc - below (2 exc + 1)`.
//!
//! # Constraints
//! For each [`Requantise`] `*`:
//! 1. `*.sign`: `below (below - 1) = 0`.
//! 2. `*.floor`: `below quo = 0`.
//! 3. `*.ceiling`: `exc (quo - Q (1 - below)) = 0`.
//! 4. `hidden.activation`: the activation is the quotient (offset 0).
//! 5. `output.residual`: the residual is offset + quotient for a sample, 0 for a phantom sample.
//! 6. `*.scaled`: a top limb that falls short of a full limb, times `2^missing`, is a looked-up cell too.
//! 7. `fold.pre`: `theta F = F[+1] + theta Z`, `Z` rebuilt from the limbs (for an output plus `target y`).
//! 8. `fold.back`: the same for the back-propagated sums of hidden units.
//! 9. `fold.signal`: `upsilon G = G[+R] + upsilon dZ`; for a hidden unit `dZ = (1 - below) (offset + quo)`.
//! 10. `loss`: `loss = loss[+1] + dZ^2` on outputs, in the lane of `fold.back`.
//! 11. `stop.*`: on bias and end blocks, which follow a layer's units, the folds are zero.
//!
//! # Soundness
//! `quo`, `rem` and `exc` are sums of looked-up limbs, so they are integers in their ranges
//! (`lookup`), and `below` is a bit. Then `2^S t + rem` is unique: both sides are below
//! `2^(bits of exc + S + 2) <= 2^137` (a sum of 62 bits, limbs of 15), far below `r/2`. When `below = 0`, `t' = quo + exc >= 0`, and `exc > 0`
//! forces `quo = Q`; when `below = 1`, `quo = 0` and `t' = -(exc + 1) < 0`. So `quo` is the clamp and
//! `below` says whether `t' < 0`; for activations, that is the mask of the ReLU. `Z` and the
//! back-propagated sum are exact integers by the product identities of `links`, and the equality of
//! field elements is one of integers by the same bound. Phantom samples carry some values, but
//! their residual is 0, hence all their signals are 0 and the update does not see them.

use super::super::config::{Cells, TrainingConfig};
use super::super::plan::{Limbs, Plan, Requantise};
use crate::expr::{constant, recompose, Expr};
use crate::field::{power_of_two, signed};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

/// Expressions of one requantisation at a base row.
struct Parts {
    quotient: Expr,
    remainder: Expr,
    excess: Expr,
    below: Expr,
}

impl Parts {
    fn query(q: &mut Cells<'_, '_>, limb: u32, part: &Requantise) -> Self {
        let mut limbs = |limbs: &Limbs| recompose(limb, limbs.lanes.iter().map(|lane| q.lane(*lane, 0)).collect());
        let quotient = limbs(&part.quotient);
        let remainder = limbs(&part.remainder);
        let excess = limbs(&part.excess);
        Parts { quotient, remainder, excess, below: q.lane(part.below, 0) }
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

    /// Constraints 1 to 3 under a selector.
    fn clamp(&self, selector: &Expr, bits: u32, names: [&'static str; 3]) -> Vec<(&'static str, Expr)> {
        let top = Expr::Constant(power_of_two(bits) - Fr::ONE);
        let below = self.below.clone();
        vec![
            (names[0], selector.clone() * below.clone() * (below.clone() - constant(1))),
            (names[1], selector.clone() * below.clone() * self.quotient.clone()),
            (names[2], selector.clone() * self.excess.clone() * (self.quotient.clone() - top * (constant(1) - below))),
        ]
    }
}

/// Constraint 6 for the limbs of a requantisation that fall short.
fn scaled(q: &mut Cells<'_, '_>, part: &Requantise, selector: &Expr, name: &'static str) -> Vec<(&'static str, Expr)> {
    let mut out = Vec::new();
    for limbs in [&part.quotient, &part.remainder, &part.excess] {
        if let (Some(scaled), Some(top)) = (limbs.scaled, limbs.lanes.last()) {
            let (scaled, top) = (q.lane(scaled, 0), q.lane(*top, 0));
            out.push((name, selector.clone() * (scaled - top * power_of_two(limbs.missing))));
        }
    }
    out
}

pub(super) fn create(meta: &mut ConstraintSystem<Fr>, config: &TrainingConfig, plan: &Plan) {
    let profile = &plan.profile;
    let limb = profile.limb_bits;
    let rows = plan.grid.rows_per_block as i32;
    let offset = -(1i128 << (profile.signal_bits - 1));

    meta.create_gate("units", |meta| {
        let mut q = Cells { meta, config };
        let hidden = q.fixed(config.fixed.q_hidden);
        let output = q.fixed(config.fixed.q_output);
        let theta = q.challenge(config.challenges.theta);
        let upsilon = q.challenge(config.challenges.upsilon);
        let unit = q.unit(0);
        let signal = Parts::query(&mut q, limb, &plan.signal);
        let either = hidden.clone() + output.clone();
        let mut out = signal.clamp(&either, profile.signal_bits, ["signal.sign", "signal.floor", "signal.ceiling"]);

        let pre = q.chain(plan.pre_fold, 0);
        let pre_next = q.chain(plan.pre_fold, 1);
        let pre_step = theta.clone() * pre.clone() - pre_next;
        let folded = q.chain(plan.signal_fold, 0);
        let folded_next = q.chain(plan.signal_fold, rows);
        let signal_step = upsilon.clone() * folded.clone() - folded_next;

        // Outputs.
        let label = q.advice(config.x, 0);
        let target = Expr::Constant(signed(i128::from(profile.target)));
        let value = signal.value(plan.signal.shift, profile.residual_shift, offset) + target * label;
        out.push(("output.fold.pre", output.clone() * (pre_step.clone() - theta.clone() * value)));
        let dequantised = signal.quotient.clone() + Expr::Constant(signed(offset));
        out.push((
            "output.residual",
            output.clone() * (constant(2) - output.clone()) * (unit.clone() - dequantised.clone()),
        ));
        out.push(("output.phantom", output.clone() * (output.clone() - constant(1)) * unit.clone()));
        out.push(("output.fold.signal", output.clone() * (signal_step.clone() - upsilon.clone() * unit.clone())));
        let last = q.chain(plan.loss_fold, 0);
        let last_next = q.chain(plan.loss_fold, 1);
        out.push(("loss", output * (last.clone() - last_next.clone() - unit.clone() * unit.clone())));
        out.extend(scaled(&mut q, &plan.signal, &either, "signal.scaled"));

        // Bias and end blocks.
        let stop = q.selectors().stop;
        for (name, fold) in [("stop.pre", &pre), ("stop.signal", &folded), ("stop.loss", &last)] {
            out.push((name, stop.clone() * fold.clone()));
        }

        // Hidden units.
        if let Some(relu) = &plan.relu {
            let activation = Parts::query(&mut q, limb, relu);
            out.extend(activation.clamp(
                &hidden,
                profile.activation_bits,
                ["activation.sign", "activation.floor", "activation.ceiling"],
            ));
            out.push(("hidden.activation", hidden.clone() * (unit.clone() - activation.quotient.clone())));
            out.extend(scaled(&mut q, relu, &hidden, "activation.scaled"));
            let value = activation.value(relu.shift, profile.activation_shift, 0);
            out.push(("hidden.fold.pre", hidden.clone() * (pre_step - theta.clone() * value)));
            let value = signal.value(plan.signal.shift, profile.backprop_shift, offset);
            out.push(("hidden.fold.back", hidden.clone() * (theta.clone() * last - last_next - theta * value)));
            let masked = (constant(1) - activation.below) * dequantised;
            out.push(("hidden.fold.signal", hidden * (signal_step - upsilon * masked)));

            // In a backward section the unit's signal is the input.
            if let Some(backward) = config.fixed.q_backward {
                let backward = q.fixed(backward);
                let grid = &plan.grid;
                let rows = grid.row(grid.input(3, 0)) as i32 - grid.row(grid.transposed(2, 0)) as i32;
                let mut at = |lane| q.lane(lane, rows);
                let quotient = recompose(limb, plan.signal.quotient.lanes.iter().map(|lane| at(*lane)).collect());
                let below = at(relu.below);
                let masked = (constant(1) - below) * (quotient + Expr::Constant(signed(offset)));
                out.push(("backward.signal", backward * (unit - masked)));
            }
        }
        out
    });
}
