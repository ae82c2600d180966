//! Equations that tie the chains together.
//!
//! # Constraints
//! On every row of a gap: `gap.*` pins the folds to zero (`U`, `E`, and in their lanes `F`, `B`, `G`
//! and the loss), and `gradient.dot` sums `U[-R] G` over the samples into the spare cells of `F`'s lane.
//!
//! On the first row of the gap after forward section `l`, with the state
//! `St = upsilon^2 n00 + 2 upsilon n01 + n11 + upsilon^3 l` (for one column `n11 + upsilon^3 l`):
//! 1. `forward`: `theta (m - mu St) = theta^(R R C) F`, the product identity of layer `l`, and the
//!    squared norm so far.
//! 2. `gradient`: `E = upsilon^(RC-1) sum_i U_i G_i`, the product identity of its update.
//! 3. `state`: the dot chain goes on from `mu St`.
//! 4. `norm`, `loss`: `head + n00 + n11 = 0`, `head + l + loss = 0`.
//!
//! On row 0: `start`: the dot chain begins with `mu ((1 - norm_bound) + upsilon^3 (1 - loss_bound))`;
//! `backward.l`: the product identity of the back-propagated sums; `lookup.total`: both LogUp sums meet.
//!
//! On a bucket row: `bucket`: a cell is its limbs plus, except on the last row, `2^bits` times the next cell.
//!
//! # Soundness
//! Equations 1 to 3 are polynomial identities in independent challenges over first-phase cells. As
//! polynomials in `mu` they say, for each layer: the dot products equal the fold of the
//! pre-activations, and the state grows by exactly the squared sums of the section. So after the last
//! section `n00 + n11 = norm - norm_bound + 1` and `l = 1 - loss_bound`, and the heads, sums of
//! range-checked limbs, are `norm_bound - 1 - norm >= 0` and `loss_bound - 1 - loss >= 0`.
//! The exponents of `theta` match because fold and lane count rows in the same order:
//! `sum_i theta^(R-1-i) in_i * sum_k r^(RC-1-k) w_k = theta^(R R C - 1) sum theta^-(R k + i) in_i w_k`.
//! The `gap` pins make each unit fold end exactly after its layer, so nothing outside it counts.

use super::super::config::{Cells, TrainingConfig};
use super::super::expr::{constant, power, recompose, Expr};
use super::super::plan::{Plan, STATE_ROWS};
use crate::field::power_of_two;
use crate::instance;
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
    let columns = plan.grid.columns;

    meta.create_gate("gaps", |meta| {
        let mut q = Cells { meta, config };
        let gap = q.fixed(config.fixed.q_gap);
        let start = q.fixed(config.fixed.q_start);
        let inputs = q.advice(config.p2_input, 0);
        let updates = q.advice(config.p2_update, 0);
        let mut out = vec![
            ("start.input", start.clone() * inputs.clone()),
            ("start.update", start * updates.clone()),
            ("gap.input", gap.clone() * inputs),
            ("gap.update", gap.clone() * updates),
        ];
        for (name, lane) in [("gap.pre", Some(plan.pre_fold)), ("gap.back", plan.back_fold), ("gap.signal", Some(plan.signal_fold)), ("gap.loss", Some(plan.loss_sum))] {
            if let Some(lane) = lane {
                out.push((name, gap.clone() * q.chain(lane, 0)));
            }
        }
        // The first unit block of the layer is two blocks below: gap, bias (or empty) block, units.
        let dot = q.chain(plan.pre_fold, r);
        let dot_before = q.chain(plan.pre_fold, r - 1);
        let folded_inputs = q.advice(config.p2_input, -r);
        let folded_signals = q.chain(plan.signal_fold, 2 * r);
        out.push(("gradient.dot", gap.clone() * (dot - dot_before - folded_inputs * folded_signals)));

        let boundary = gap.clone() * (gap - constant(1));
        let theta = q.challenge(config.challenges.theta);
        let upsilon = q.challenge(config.challenges.upsilon);
        let mu = q.challenge(config.challenges.mu);
        let state: Vec<Expr> = (0..STATE_ROWS as i32).map(|i| q.unit(i)).collect();
        let mut weighted = state[2].clone() + power(&upsilon, 3) * state[3].clone();
        let mut norm = state[2].clone();
        if columns == 2 {
            weighted = weighted + power(&upsilon, 2) * state[0].clone() + upsilon.clone() * state[1].clone() * Fr::from(2);
            norm = norm + state[0].clone();
        }
        let weighted = mu * weighted;
        let m = q.advice(config.p2_dot, -4);
        let pre = q.chain(plan.pre_fold, 2 * r);
        out.push(("forward", boundary.clone() * (theta.clone() * (m - weighted.clone()) - power(&power(&theta, rows), rows * columns) * pre)));
        let update = q.advice(config.p2_update, -1);
        let dot = q.chain(plan.pre_fold, 2 * r - 1);
        out.push(("gradient", boundary.clone() * (update - power(&upsilon, rows * columns - 1) * dot)));
        let m = q.advice(config.p2_dot, r - 4);
        out.push(("state", boundary.clone() * (m - weighted)));
        let norm_head = q.unit(STATE_ROWS as i32);
        out.push(("norm", boundary.clone() * (norm_head + norm)));
        let loss_head = q.unit((STATE_ROWS + plan.bucket_rows.0) as i32);
        let loss = q.chain(plan.loss_sum, 2 * r);
        out.push(("loss.total", boundary * (loss_head + state[3].clone() + loss)));
        out
    });
}

fn start(meta: &mut ConstraintSystem<Fr>, config: &TrainingConfig, plan: &Plan) {
    let grid = &plan.grid;
    let rows = grid.rows_per_block;
    let depth = grid.depth();

    meta.create_gate("row 0", |meta| {
        let mut q = Cells { meta, config };
        let start = q.fixed(config.fixed.q_start);
        let first = start.clone() * (start - constant(1));
        let theta = q.challenge(config.challenges.theta);
        let upsilon = q.challenge(config.challenges.upsilon);
        let mu = q.challenge(config.challenges.mu);
        let norm_bound = q.meta.query_instance(config.instance, Rotation(instance::NORM_BOUND as i32));
        let loss_bound = q.meta.query_instance(config.instance, Rotation(instance::LOSS_BOUND as i32));
        let m = q.advice(config.p2_dot, rows as i32 - 4);
        let state = constant(1) - norm_bound + power(&upsilon, 3) * (constant(1) - loss_bound);
        let mut out = vec![("start", first.clone() * (m - mu * state))];

        if let Some(back_fold) = plan.back_fold {
            for l in 2..=depth {
                // The dot chain of the section that holds the transposed weights of layer l.
                let head = if l == depth { grid.output_head() } else { grid.backward_head(l) };
                let end = grid.transposed(l, grid.layers[l] - 1) + 1;
                let at = |block: usize| grid.row(block) as i32 - 4;
                let dot = q.advice(config.p2_dot, at(end)) - q.advice(config.p2_dot, at(head));
                let back = q.chain(back_fold, plan.hidden_rows(l - 1).start as i32);
                let scale = power(&power(&theta, rows), rows * grid.columns);
                out.push(("backward", first.clone() * (theta.clone() * dot - scale * back)));
            }
        }

        let active = plan.lookup_rows();
        if let Some(last) = plan.sums.last() {
            let sum = q.chain(*last, active.end as i32 - 1) - q.chain(*last, active.start as i32 - 1);
            let table = q.advice(config.p2_update, (plan.table_row + (1 << plan.profile.limb_bits)) as i32 - 1);
            out.push(("lookup.total", first * (sum + table)));
        }
        out
    });
}

fn buckets(meta: &mut ConstraintSystem<Fr>, config: &TrainingConfig, plan: &Plan) {
    meta.create_gate("buckets", |meta| {
        let mut q = Cells { meta, config };
        let bucket = q.fixed(config.fixed.q_bucket);
        let limb = plan.profile.limb_bits;
        let lanes = plan.bucket_limbs();
        let width = limb * lanes.len() as u32;
        let limbs = recompose(limb, lanes.into_iter().map(|lane| q.lane(lane, 0)).collect());
        let cell = q.unit(0);
        let next = q.unit(1);
        let middle = bucket.clone() * (constant(2) - bucket.clone()) * (cell.clone() - limbs.clone() - next * power_of_two(width));
        let last = bucket.clone() * (bucket - constant(1)) * (cell - limbs);
        vec![("bucket", middle), ("bucket.last", last)]
    });
}
