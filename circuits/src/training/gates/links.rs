//! Equations that tie the chains together: on the rows of the gaps, on row 0, and on the bucket rows.
//!
//! # Shapes
//! `F`, `G` and `loss` are the folds of the units of [`super::units`]; `U`, `E` and `m` those of [`super::folds`]. `s` is the
//! state, what is left of the norm's bound, and `scale = theta^(R R C)`.
//!
//! # Constraints
//! | constraint | rows | degree | formula | attack test |
//! |---|---|---|---|---|
//! | `start.input` | start gap | 3 | `U = 0` | `rejects_input_folds_that_do_not_start_at_zero` |
//! | `gap.input` | gaps | 2 | `U = 0` | `rejects_input_folds_that_do_not_start_at_zero` |
//! | `gradient.dot` | gaps | 3 | `F = F[+1] + U[-R] G[+R]` | `rejects_a_dot_of_inputs_and_signals_that_is_bent` |
//! | `forward` | first row of a gap | 3 | `theta (m + mu s) = scale F[+R]`, `m` of the section's last group | `rejects_a_rounded_value_that_is_not_the_product` |
//! | `gradient` | first row of a gap | 3 | `E = rate upsilon^(RC-1) (F - F[+R])`, `E` of the section's last group; with laps `E - E[+H]` for `E`, in the last one with the fold of the update, `sum upsilon^(C-1-c) D_c`, added | `rejects_an_update_cell_off_by_one` |
//! | `state` | first row of a gap | 3 | `m = -mu s`, `m` of the gap's last group, where the next section goes on | `rejects_a_norm_that_forgets_a_layer` |
//! | `gap.update` | first row of a gap | 3 | `E = 0` in the gap's last group | `rejects_update_folds_that_do_not_start_at_zero` |
//! | `start.update` | row 0 | 3 | `E = 0` in the start gap's last group | `rejects_update_folds_that_do_not_start_at_zero` |
//! | `start.total` | row 0 of each lap | 3 | with laps: `D = 0` in the start gap's last row | `rejects_folds_of_the_update_that_are_bent` |
//! | `gap.total` | first row of a gap | 3 | with laps: `D = 0` in the gap's last row | `rejects_folds_of_the_update_that_are_bent` |
//! | `start` | row 0 | 3 | `m = mu (1 - norm_bound)` in the start gap's last group | `rejects_a_norm_that_forgets_a_layer` |
//! | `backward` | row 0, for each layer `l >= 2` | 3 | `theta (m_end - m_begin) = scale loss`: what `m` gains over the blocks of the transposed weights is the fold of the back-propagated sums | `rejects_a_rounded_value_that_is_not_the_product` |
//! | `transposed` | row 0 of each lap, for each layer `l >= 2` | 3 | with laps: `E` at the end of the weights, before the bias, is what `B` gains over the copies, up to a power of `upsilon` | `rejects_a_copy_of_a_fine_weight_that_is_another` |
//! | `start.carry` | row 0 of each lap but the first | 3 | `m = -mu s` in the start gap's last group, `s` of the last gap of the lap before | `rejects_a_norm_that_forgets_a_lap` |
//! | `lookup.carry` | row 0 of each lap but the first | 3 | limbs' sum before the area `=` that at the end of the area of the lap before | `rejects_lookups_that_do_not_go_on_from_lap_to_lap` |
//! | `loss.start` | row 0 | 3 | with laps: `loss = 0` after the last lap's outputs | `rejects_a_loss_that_does_not_go_on_from_lap_to_lap` |
//! | `loss.carry` | row 0 of each lap but the first | 3 | `loss` after the outputs of the lap before `=` that at the first output | `rejects_a_loss_that_does_not_go_on_from_lap_to_lap` |
//! | `exp.start` | row 0 | 3 | with laps and a softmax: `X = 0` after the last lap's outputs | `rejects_exponentials_that_do_not_go_on_from_lap_to_lap` |
//! | `exp.carry` | row 0 of each lap but the first | 3 | `X` after the outputs of the lap before `=` that at the first output | `rejects_exponentials_that_do_not_go_on_from_lap_to_lap` |
//! | `lookup.total` | row 0 | 3 | limbs' sum + what the table's sum gains + last `E` of the last section, with laps without the latter, `= 0` | `rejects_limbs_off_the_table_and_forged_multiplicities` |
//! | `exp.total` | row 0 | 3 | with a softmax: `X` at the first output + what the table's sum gains over the rows of the exponential `= 0` | `rejects_an_exponential_off_the_table` |
//! | `loss.total` | row 0 | 3 | loss bucket's first cell `= loss_bound - 1 - loss` | `rejects_heads_that_are_not_what_is_left` |
//! | `bucket` | bucket rows but each last | 3 | cell `=` its limbs `+ 2^bits` times the next cell | `rejects_limbs_of_a_row_of_a_bucket_that_do_not_add_up` |
//! | `bucket.last` | last row of each bucket | 3 | cell `=` its limbs | `rejects_limbs_of_a_bucket_that_do_not_add_up` |
//!
//! In `gradient.dot` the sum of `U_i G_i` over the samples builds up on top of the fold of the pre-activations, whose first
//! row follows the gap. The first cell of the norm's bucket is `s` of the last gap.
//!
//! # Soundness
//! Claim: pre-activations, back-propagated sums and update are the products that [`crate::reference`] says, and norm and loss
//! are below their bounds.
//!
//! `start.input`, `gap.input`, `start.update` and `gap.update` begin the folds of inputs and of the update at zero.
//! `forward`, `gradient`, `state`, `start` and `backward` are polynomial identities in independent challenges over
//! first-phase cells. As polynomials in `mu` they say, for each layer: the dot products equal the fold of the
//! pre-activations, and the state falls by exactly the squares of the section's update, so
//! `s = norm_bound - 1 - norm` after the last section. `gradient.dot` makes the right side of `gradient` the fold of the
//! layer's update. `bucket` and `bucket.last` make `s`, and the loss bucket's cell of `loss.total`, a sum of range-checked
//! limbs, hence not negative.
//! The exponents of `theta` match because fold and lane count rows in the same order:
//! `sum_i theta^(R-1-i) in_i * sum_k r^(RC-1-k) w_k = theta^(R R C - 1) sum theta^-(R k + i) in_i w_k`.
//! The `stop` pins of [`super::units`] make each unit fold begin exactly after its layer, so nothing outside it counts.
//!
//! # Laps
//! With several laps what is said of row 0 holds in the first lap for `start`, `lookup.total`, `loss.total` and `exp.total`, and in each lap for
//! `start.update` and `backward`. The state goes on from lap to lap (`start.carry`), as the parts of the update lie in different laps; so
//! does the sum of the limbs, from `lookup.start` by `lookup.carry` to the last lap, which row 0 reaches by one rotation backwards. Loss and sum of the
//! exponentials count from the last output of the last lap (`loss.start`, `exp.start`) by `loss.carry` and `exp.carry` to the first output of the first lap.
//!
//! Claim: `d` is the sum of what the steps change, each step taken from the weights that the one before left. In a lap but the last
//! `gradient` says that the weights of the next lap are this lap's less `rate` times the gradient, in the last lap that those of the first lap
//! are, if the update is added to what the last step leaves: `V(0) = V(E-1) - rate gradient + d`. `D_c` is the fold of weight column `c` of the update (`fold.total` from
//! `start.total` and `gap.total`), which lies in lap `c mod E`. Copies follow their weights by `transposed`: with rows of `R C` cells both folds
//! give the cell of input `j` and unit `k` the power `(..-j) R C + (..-k)` of `upsilon`, and a cell beside them has a power that no weight has.
//! Weights stay integers below the profile's bound, by induction over the laps, as the model's are in range and each gradient is.
//!
//! `exp.total`: see [`super::softmax`]. `lookup.total`: see [`crate::logup`], and [`super::folds`] for the update's last fold.

use super::super::config::{Cells, LapColumns, LapSelectors, Selectors, TrainingConfig};
use super::super::plan::{Plan, STATE_ROW};
use super::folds::{DOT, TOTAL, TURN, UPDATE};
use super::Named;
use crate::expr::{constant, horner, power, recompose, Expr};
use crate::field::power_of_two;
use crate::grid::Grid;
use crate::instance;
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;
use halo2_proofs::poly::Rotation;

pub(super) fn create(meta: &mut ConstraintSystem<Fr>, config: &TrainingConfig, plan: &Plan) {
    meta.create_gate("gaps", |meta| gaps(&mut Cells { meta, config }, plan));
    meta.create_gate("row 0", |meta| row_zero(&mut Cells { meta, config }, plan));
    meta.create_gate("buckets", |meta| buckets(&mut Cells { meta, config }, plan));
}

fn gaps(q: &mut Cells<'_, '_>, plan: &Plan) -> Named {
    let config = q.config;
    let rows = plan.grid.rows_per_block;
    let r = rows as i32;
    let columns = plan.grid.width;

    // Fixed columns: bound by the verifying key.
    let Selectors { gap, start, zero, head, .. } = q.selectors();
    // Fold of the inputs: bound by `start.input` and `gap.input`.
    let inputs = q.advice(config.p2_input, 0);
    // Fold of the update in the last group of the gap, before the section that follows: bound by `start.update` and `gap.update`.
    let updates = q.advice(config.p2_dot, r - 1 + UPDATE);
    let mut out = vec![
        ("start.input", start * inputs.clone()),
        ("start.update", zero.clone() * updates.clone()),
        ("gap.input", gap.clone() * inputs),
        ("gap.update", head.clone() * updates),
    ];
    for total in config.laps.iter().flat_map(|laps| &laps.p2_total) {
        // Fold of the update's part in this lap, in the last group of the gap: bound by `start.total` and `gap.total`.
        let total = q.advice(*total, r - 1 + TOTAL);
        out.push(("start.total", zero.clone() * total.clone()));
        out.push(("gap.total", head.clone() * total));
    }
    // Sum over the samples from this row on: bound by `gradient.dot`; the next one too, after the gap's last row by
    // `hidden.fold.pre` or `output.fold.pre`.
    let pre = q.chain(plan.pre_fold, 0);
    let pre_next = q.chain(plan.pre_fold, 1);
    // Fold of the inputs over the whole section, of one sample: bound by `fold.input` in the section's last block.
    let folded_inputs = q.advice(config.p2_input, -r);
    // Fold of the layer's signals, of one sample: bound by `hidden.fold.signal` or `output.fold.signal` in the layer's first block.
    let folded_signals = q.chain(plan.signal_fold, r);
    out.push(("gradient.dot", gap * (pre.clone() - pre_next - folded_inputs * folded_signals)));

    // Challenges: bound by the transcript, drawn after the first phase.
    let theta = q.challenge(config.challenges.theta);
    let upsilon = q.challenge(config.challenges.upsilon);
    let mu = q.challenge(config.challenges.mu);
    // State: bound by `forward`, which holds for a power of `mu` of its own; in the last gap its range by `bucket`.
    let state = Expr::Constant(Fr::ZERO) - mu * q.unit(STATE_ROW as i32);
    // Dot chain at the section's end: bound by `dot`.
    let m = q.advice(config.p2_dot, DOT - 1);
    // Fold of the layer's pre-activations: bound by `hidden.fold.pre` or `output.fold.pre` at the layer's first unit.
    let units = q.chain(plan.pre_fold, r);
    let scale = power(&power(&theta, rows), rows * columns);
    out.push(("forward", head.clone() * (theta * (m - state.clone()) - scale * units.clone())));
    // Fold of the update at the section's end, with laps of the weights of this step and of the next one, after the last step of the
    // first: bound by `fold.update`.
    let mut update = q.advice(config.p2_dot, UPDATE - 1);
    if config.laps.is_some() {
        update = update - q.advice(config.p2_dot, plan.grid.height() as i32 + UPDATE - 1);
    }
    let mut products = power(&upsilon, rows * columns - 1) * (pre - units);
    if plan.profile.local_rate != 1 {
        products = products * Fr::from(plan.profile.local_rate);
    }
    let mut gradient = head.clone() * (update - products);
    if let Some(laps) = &config.laps {
        // In the last lap what follows are the first weights; the update is what they are short of.
        let mut totals = Vec::new();
        let here = plan.grid.lap(plan.grid.laps - 1) as i32;
        for (column, first) in (0..columns).rev().map(|c| plan.grid.weight_column(c)) {
            // Fold of a weight column's part of the update at the section's end, in its lap: bound by `fold.total`.
            totals.push(q.advice(laps.p2_total[column], first as i32 - here - 1 + TOTAL));
        }
        gradient = gradient + q.lap_selectors(laps).last * horner(&upsilon, totals);
    }
    out.push(("gradient", gradient));
    // Dot chain in the last group of the gap: bound by `state`.
    let m = q.advice(config.p2_dot, r - 1 + DOT);
    out.push(("state", head * (m - state)));
    out
}

/// Rows from a lap to the one before, from the first to the last; without laps none.
fn back(grid: &Grid) -> i32 {
    match grid.laps {
        1 => 0,
        _ => -(grid.height() as i32),
    }
}

/// Row of the state that the lap before ends with, from row 0 of a lap.
fn state_before(plan: &Plan) -> i32 {
    let grid = &plan.grid;
    back(grid) + (grid.row(grid.gap(grid.depth())) + STATE_ROW) as i32
}

/// What goes on from lap to lap; `state` is what the dot chain begins with beyond the state that the lap before ends with.
fn carried(q: &mut Cells<'_, '_>, plan: &Plan, laps: &LapSelectors, state: Expr) -> Named {
    let grid = &plan.grid;
    let mut out = vec![("start.carry", laps.later.clone() * state)];
    let area = &plan.area;
    if let Some(last) = q.config.p2_chain[..area.columns.len()].last() {
        // Sum of the limbs before the area: bound by `lookup.start`, in later laps by `lookup.carry`.
        let start = q.advice(*last, area.rows.start as i32 - 1);
        // Last sum of the limbs of the lap before: bound by `lookup`.
        let before = q.advice(*last, back(grid) + area.rows.end as i32 - 1);
        out.push(("lookup.start", laps.first.clone() * start.clone()));
        out.push(("lookup.carry", laps.later.clone() * (start - before)));
    }
    // The sums over the outputs begin after the last one: there they are what they are at the first output of the next lap.
    let outputs = plan.unit_rows(grid.depth());
    let exponentials = plan.softmax.as_ref().map(|softmax| ("exp.start", "exp.carry", softmax.looked_up));
    for (start, carry, lane) in [("loss.start", "loss.carry", plan.loss_fold)].into_iter().chain(exponentials) {
        // Loss or sum of the exponentials at the first output: bound by `loss` or `softmax.exp`.
        let next = q.chain(lane, outputs.start as i32);
        // The same after the last output of the lap before: bound by `loss.start` or `exp.start`, before later laps by
        // `loss.carry` or `exp.carry`.
        let end = q.chain(lane, back(grid) + outputs.end as i32);
        out.push((start, laps.first.clone() * end.clone()));
        out.push((carry, laps.later.clone() * (end - next)));
    }
    out
}

/// Zero when the copies of layer `l` are its weights: the fold of the weights, less what that of the copies gains, up to a power of
/// the base.
fn copies(q: &mut Cells<'_, '_>, plan: &Plan, laps: &LapColumns, l: usize) -> Expr {
    let grid = &plan.grid;
    let (inputs, outputs) = (grid.layers[l - 1], grid.layers[l]);
    let block = grid.rows_per_block * grid.width;
    // Challenge: bound by the transcript, drawn after the first phase.
    let upsilon = q.challenge(q.config.challenges.upsilon);
    let at = |block: usize| grid.row(block) as i32 - 1;
    let first = grid.transposed(l, 0);
    // Fold of the weights before the bias: bound by `fold.update`, from the zero of `gap.update` before the section.
    let weights = q.advice(q.config.p2_dot, at(grid.bias(l)) + UPDATE);
    // Fold of the blocks of copies: bound by `turn`. Before the first block it is free: it cancels in the difference.
    let turned = laps.p2_total.first().map_or_else(
        || constant(0),
        |column| {
            let end = q.advice(*column, at(first + outputs) + TURN);
            let start = q.advice(*column, at(first) + TURN);
            end - power(&upsilon, outputs) * start
        },
    );
    // The cell (j, k) has the exponent (inputs-1-j) block + block-1-k here and (block-1-j) block + outputs-1-k there.
    match ((block - inputs) * block + outputs).checked_sub(block) {
        Some(shift) => power(&upsilon, shift) * weights - turned,
        None => weights - power(&upsilon, block - outputs - (block - inputs) * block) * turned,
    }
}

/// From row 0 of a lap a rotation is the number of the row.
fn row_zero(q: &mut Cells<'_, '_>, plan: &Plan) -> Named {
    let config = q.config;
    let grid = &plan.grid;
    let rows = grid.rows_per_block;
    let depth = grid.depth();

    // Fixed columns: bound by the verifying key.
    let every = q.selectors().zero;
    let laps = config.laps.as_ref().map(|laps| q.lap_selectors(laps));
    let first = laps.as_ref().map_or_else(|| every.clone(), |laps| laps.first.clone());
    // Challenges: bound by the transcript, drawn after the first phase.
    let theta = q.challenge(config.challenges.theta);
    let mu = q.challenge(config.challenges.mu);
    // Public inputs: bound by the verifier, to the bounds that the contract computes.
    let norm_bound = q.meta.query_instance(config.instance, Rotation(instance::NORM_BOUND as i32));
    let loss_bound = q.meta.query_instance(config.instance, Rotation(instance::LOSS_BOUND as i32));
    // Dot chain in the last group of the start gap: bound by `start`, in later laps by `start.carry`.
    let m = q.advice(config.p2_dot, rows as i32 - 1 + DOT);
    let mut out = vec![("start", first.clone() * (m.clone() - mu.clone() * (constant(1) - norm_bound)))];
    if let Some(laps) = &laps {
        // State at the end of the lap before: bound by `state`.
        let before = q.unit(state_before(plan));
        out.extend(carried(q, plan, laps, m + mu * before));
    }

    for l in 2..=depth {
        let head = grid.transposed(l, 0);
        let at = |block: usize| grid.row(block) as i32 - 1 + DOT;
        // Dot chain at the end and before the blocks that hold the transposed weights of layer l: bound by `dot`, before the
        // outputs by `state`.
        let dot = q.advice(config.p2_dot, at(head + grid.layers[l])) - q.advice(config.p2_dot, at(head));
        // Fold of the back-propagated sums of layer l - 1: bound by `hidden.fold.back` at the layer's first unit.
        let back = q.chain(plan.loss_fold, plan.unit_rows(l - 1).start as i32);
        let scale = power(&power(&theta, rows), rows * grid.width);
        out.push(("backward", every.clone() * (theta.clone() * dot - scale * back)));
        if let Some(laps) = &config.laps {
            out.push(("transposed", every.clone() * copies(q, plan, laps, l)));
        }
    }

    let area = &plan.area;
    if let Some(last) = config.p2_chain[..area.columns.len()].last() {
        // Last sum of the limbs, with laps that of the lap before: bound by `lookup`.
        let sum = q.advice(*last, back(grid) + area.rows.end as i32 - 1);
        let before = plan.table_row as i32 - 1;
        // Sum of the table at its end: bound by `table`. Before its first row it is free: it cancels in the difference.
        let table = q.advice(config.p2_input, before + (1 << plan.profile.limb_bits));
        let table = table - q.advice(config.p2_input, before);
        let update = match laps {
            // Last fold of the update: bound by `fold.update`.
            None => q.advice(config.p2_dot, grid.row(grid.end()) as i32 - 1 + UPDATE),
            Some(_) => constant(0),
        };
        out.push(("lookup.total", first.clone() * (sum + table + update)));
    }

    if let Some(softmax) = &plan.softmax {
        // Sum of the exponentials: bound by `softmax.exp` at the first output.
        let sum = q.chain(softmax.looked_up, plan.unit_rows(depth).start as i32);
        let rows = plan.exponential_rows();
        // Sum of the table before and at the end of the rows of the exponential: bound by `table`.
        let gain = q.advice(config.p2_input, rows.end as i32 - 1) - q.advice(config.p2_input, rows.start as i32 - 1);
        out.push(("exp.total", first.clone() * (sum + gain)));
    }

    // First cell of the loss's bucket: bound by `loss.total`, its range by `bucket` or `bucket.last`.
    let head = q.unit(plan.buckets().1.start as i32);
    // Loss: bound by `loss` at the first output.
    let loss = q.chain(plan.loss_fold, plan.unit_rows(depth).start as i32);
    out.push(("loss.total", first * (head + loss + constant(1) - loss_bound)));
    out
}

fn buckets(q: &mut Cells<'_, '_>, plan: &Plan) -> Named {
    // Fixed columns: bound by the verifying key.
    let Selectors { bucket, bucket_last, .. } = q.selectors();
    let limb = plan.profile.limb_bits;
    let lanes = plan.bucket_limbs();
    let width = limb * lanes.len() as u32;
    // Limbs: bound by `lookup`. The lanes of a gap's rows belong to no unit.
    let limbs = recompose(limb, lanes.into_iter().map(|lane| q.lane(lane, 0)).collect());
    // What is left of a bound, shifted down row by row: the first cell bound by `forward` (norm) or `loss.total` (loss), the
    // others by `bucket` and `bucket.last`.
    let cell = q.unit(0);
    let next = q.unit(1);
    let middle = bucket * (cell.clone() - limbs.clone() - next * power_of_two(width));
    let last = bucket_last * (cell - limbs);
    vec![("bucket", middle), ("bucket.last", last)]
}
