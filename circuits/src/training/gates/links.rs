//! Equations that tie the chains together.
//!
//! # Constraints
//! On every row of a gap `U = 0` (`gap.input`; in the start gap `start.input`), and `gradient.dot`:
//! `F = F[+1] + U[-R] G[+R]`: the sum of `U_i G_i` over the samples, on top of the fold of the
//! pre-activations, whose first row follows the gap.
//!
//! On the first row of the gap after forward section `l`, with the state `s`, what is left of the norm's bound:
//! 1. `forward`: `theta (m + mu s) = theta^(R R C) F[+R]`: the product identity of layer `l`, and the
//!    squared norm so far; `m` of the section's last group.
//! 2. `gradient`: `E = upsilon^(RC-1) (F - F[+R])`: the product identity of its update; `E` of the section's last group.
//! 3. `state`: the dot chain goes on from `-mu s`.
//! 4. `gap.update`: the next update fold starts from zero (in the start gap `start.update`, on row 0).
//!
//! On row 0:
//! 5. `start`: the dot chain begins with `mu (1 - norm_bound)`.
//! 6. `backward`, for each layer `l >= 2`: the product identity of the back-propagated sums.
//! 7. `lookup.total`: the limbs' LogUp sum, what the table's adds to its column, and the last section's `E` are zero together.
//! 8. `loss.total`: the loss bucket's cell is `loss_bound - 1 - loss`.
//!
//! On a bucket row: `bucket`: a cell is its limbs plus, except on the last row, `2^bits` times the next cell.
//! The first cell of the norm's bucket is `s` of the last gap.
//!
//! # Soundness
//! Equations 1 to 5 are polynomial identities in independent challenges over first-phase cells. As
//! polynomials in `mu` they say, for each layer: the dot products equal the fold of the
//! pre-activations, and the state falls by exactly the squares of the section's update, so
//! `s = norm_bound - 1 - norm` after the last section. The
//! bucket makes `s`, and the loss bucket's cell, a sum of range-checked limbs, hence not negative.
//! The exponents of `theta` match because fold and lane count rows in the same order:
//! `sum_i theta^(R-1-i) in_i * sum_k r^(RC-1-k) w_k = theta^(R R C - 1) sum theta^-(R k + i) in_i w_k`.
//! The `stop` pins of `units` make each unit fold begin exactly after its layer, so nothing outside it counts.

use super::super::config::{Cells, Selectors, TrainingConfig};
use super::super::plan::{Plan, STATE_ROW};
use super::folds::{DOT, UPDATE};
use crate::expr::{constant, power, recompose, Expr};
use crate::field::power_of_two;
use crate::instance;
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;
use halo2_proofs::poly::Rotation;

pub(super) fn create(meta: &mut ConstraintSystem<Fr>, config: &TrainingConfig, plan: &Plan) {
    gaps(meta, config, plan);
    start(meta, config, plan);
    buckets(meta, config, plan);
}

fn gaps(meta: &mut ConstraintSystem<Fr>, config: &TrainingConfig, plan: &Plan) {
    let rows = plan.grid.rows_per_block;
    let r = rows as i32;
    let columns = plan.grid.width;

    meta.create_gate("gaps", |meta| {
        let mut q = Cells { meta, config };
        let Selectors { gap, start, zero, head, .. } = q.selectors();
        let inputs = q.advice(config.p2_input, 0);
        // Of the last group of the gap, before the section that follows.
        let updates = q.advice(config.p2_dot, r - 1 + UPDATE);
        let mut out = vec![
            ("start.input", start * inputs.clone()),
            ("start.update", zero * updates.clone()),
            ("gap.input", gap.clone() * inputs),
            ("gap.update", head.clone() * updates),
        ];
        let pre = q.chain(plan.pre_fold, 0);
        let pre_next = q.chain(plan.pre_fold, 1);
        let folded_inputs = q.advice(config.p2_input, -r);
        let folded_signals = q.chain(plan.signal_fold, r);
        out.push(("gradient.dot", gap * (pre.clone() - pre_next - folded_inputs * folded_signals)));

        let theta = q.challenge(config.challenges.theta);
        let upsilon = q.challenge(config.challenges.upsilon);
        let mu = q.challenge(config.challenges.mu);
        let state = Expr::Constant(Fr::ZERO) - mu * q.unit(STATE_ROW as i32);
        let m = q.advice(config.p2_dot, DOT - 1);
        let units = q.chain(plan.pre_fold, r);
        let scale = power(&power(&theta, rows), rows * columns);
        out.push(("forward", head.clone() * (theta * (m - state.clone()) - scale * units.clone())));
        let update = q.advice(config.p2_dot, UPDATE - 1);
        out.push(("gradient", head.clone() * (update - power(&upsilon, rows * columns - 1) * (pre - units))));
        let m = q.advice(config.p2_dot, r - 1 + DOT);
        out.push(("state", head * (m - state)));
        out
    });
}

fn start(meta: &mut ConstraintSystem<Fr>, config: &TrainingConfig, plan: &Plan) {
    let grid = &plan.grid;
    let rows = grid.rows_per_block;
    let depth = grid.depth();

    meta.create_gate("row 0", |meta| {
        let mut q = Cells { meta, config };
        let first = q.selectors().zero;
        let theta = q.challenge(config.challenges.theta);
        let mu = q.challenge(config.challenges.mu);
        let norm_bound = q.meta.query_instance(config.instance, Rotation(instance::NORM_BOUND as i32));
        let loss_bound = q.meta.query_instance(config.instance, Rotation(instance::LOSS_BOUND as i32));
        let m = q.advice(config.p2_dot, rows as i32 - 1 + DOT);
        let mut out = vec![("start", first.clone() * (m - mu * (constant(1) - norm_bound)))];

        for l in 2..=depth {
            // The dot chain over the blocks that hold the transposed weights of layer l.
            let head = grid.transposed(l, 0);
            let at = |block: usize| grid.row(block) as i32 - 1 + DOT;
            let dot = q.advice(config.p2_dot, at(head + grid.layers[l])) - q.advice(config.p2_dot, at(head));
            let back = q.chain(plan.loss_fold, plan.unit_rows(l - 1).start as i32);
            let scale = power(&power(&theta, rows), rows * grid.width);
            out.push(("backward", first.clone() * (theta.clone() * dot - scale * back)));
        }

        let area = &plan.area;
        if let Some(last) = config.p2_chain[..area.columns.len()].last() {
            let sum = q.advice(*last, area.rows.end as i32 - 1);
            let before = plan.table_row as i32 - 1;
            let table = q.advice(config.p2_input, before + (1 << plan.profile.limb_bits));
            let table = table - q.advice(config.p2_input, before);
            let update = q.advice(config.p2_dot, grid.row(grid.end()) as i32 - 1 + UPDATE);
            out.push(("lookup.total", first.clone() * (sum + table + update)));
        }

        let head = q.unit(plan.buckets().1.start as i32);
        let loss = q.chain(plan.loss_fold, plan.unit_rows(depth).start as i32);
        out.push(("loss.total", first * (head + loss + constant(1) - loss_bound)));
        out
    });
}

fn buckets(meta: &mut ConstraintSystem<Fr>, config: &TrainingConfig, plan: &Plan) {
    meta.create_gate("buckets", |meta| {
        let mut q = Cells { meta, config };
        let Selectors { bucket, bucket_last, .. } = q.selectors();
        let limb = plan.profile.limb_bits;
        let lanes = plan.bucket_limbs();
        let width = limb * lanes.len() as u32;
        let limbs = recompose(limb, lanes.into_iter().map(|lane| q.lane(lane, 0)).collect());
        let cell = q.unit(0);
        let next = q.unit(1);
        let middle = bucket * (cell.clone() - limbs.clone() - next * power_of_two(width));
        let last = bucket_last * (cell - limbs);
        vec![("bucket", middle), ("bucket.last", last)]
    });
}
