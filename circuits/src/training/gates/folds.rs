//! Padding of the update and the folds over whole sections.
//!
//! # Shapes
//! Write `in[row]` for the input of a row: a feature, an activation, a signal or the bias unit. With
//! `R` rows a block, `C` weight columns, `r = theta^R`, `u = upsilon^(R C)`. `U` is the fold of the inputs (`p2_input`). The rows of a
//! section go in groups of four; `[-t]` for `t = 0..3` are a group's rows from its last one, `[-4]` is the group before.
//! Column `p2_dot` holds in each group one cell of each of four chains:
//!
//! ```text
//! row      rotation   x, unit     w, d       p2_input   p2_dot
//! 4g - 4      -7      ..          ..         ..         m  of the group before
//! 4g - 3      -6      ..          ..         ..         E  of the group before
//! 4g - 2      -5      ..          ..         ..         k  of the group before
//! 4g - 1      -4      ..          ..         ..         h  of the group before
//! 4g          -3      in[-3]      w, d[-3]   U[-3]      m  dot products and squares   (DOT)
//! 4g + 1      -2      in[-2]      w, d[-2]   U[-2]      E  fold of the update         (UPDATE)
//! 4g + 2      -1      in[-1]      w, d[-1]   U[-1]      k  fold of the weights        (WEIGHTS)
//! 4g + 3       0      in          w, d       U          h  fold of the inputs         (SAMPLES)
//! ```
//!
//! The gates of a group are enabled on its last row. Each chain goes on from its cell of the group before; at a block's end
//! `dot` also reads `h` and `k` one block above (rotation `R` less), to get the block's own part of both.
//!
//! # Constraints
//! | constraint | degree | formula | attack test |
//! |---|---|---|---|
//! | `update.start` | 3 | `d = 0` in the start gap | `rejects_an_update_with_values_in_its_padding` |
//! | `update.gap` | 2 | `d = 0` in the gaps | `rejects_an_update_with_values_in_its_padding` |
//! | `update.end` | 3 | `d = 0` from the table on, but for the tail, where a place ends with its column | `rejects_an_update_with_values_in_its_padding` |
//! | `update.rest` | 2 | `d = 0` from the table on and in the tail, where another place follows | `rejects_an_update_with_values_where_a_stacked_column_has_none` |
//! | `update.idle` | 3 | `d = 0` in the sections of a place that no update column takes | `rejects_an_update_with_values_where_a_stacked_column_has_none` |
//! | `update.zone` | 3 | with laps: `z(z-1)d = 0`, `z` the zone's code: 0 tail, 1 data, 2 padding | `rejects_an_update_of_a_run_with_values_in_its_padding` |
//! | `model` | 3 | with laps, in the first lap's sections: `v = 2^fine_shift w` | `rejects_a_run_that_starts_from_another_model` |
//! | `fold.input` | 3 | `U = u U[-R] + in` | `rejects_folds_of_cells_that_are_not_committed` |
//! | `fold.update` | 3 | `E = upsilon^(4C) E[-4] + sum upsilon^(C t + C-1-c) d_c[-t]`, with laps `v_c[-t]` for `d_c[-t]`, not in the last section | `rejects_folds_of_cells_that_are_not_committed` |
//! | `fold.samples` | 2 | `h = theta^4 h[-4] + sum_t theta^t in[-t]` with `in = U - u U[-R]` | `rejects_a_fold_of_samples_that_is_bent` |
//! | `fold.weights` | 2 | `k = r^(4C) k[-4] + sum r^(C t + C-1-c) w_c[-t]` | `rejects_folds_of_cells_that_are_not_committed` |
//! | `dot` | 3 | `m = m[-4] + mu sum d_c[-t]^2`, at a block's end also `+ (h - r h[-R]) (k - r^(RC) k[-R])` | `rejects_a_dot_chain_that_is_bent` |
//! | `fold.total` | 3 | with laps, not in the last section: `D = upsilon^(4C) D[-4] + sum upsilon^(C t) d[-t]`, for each committed column | `rejects_folds_of_the_update_that_are_bent` |
//! | `fold.copies` | 3 | with laps, in the last section: `Y = u^(4C) Y[-4] + sum u^(C t + C-1-c) v_c[-t]` | `rejects_folds_of_copies_that_are_bent` |
//! | `turn` | 3 | with laps, at the end of a block of the last section: `B = upsilon B[-R] + Y - u^(RC) Y[-R]` | `rejects_folds_of_copies_that_are_bent` |
//!
//! With laps the weights of `fold.weights` and `fold.copies` are the fine ones, `v`, and `d` in `dot` is the part of the update that lies in
//! this lap: weight column `c` of the update in lap `c` ([`super::super::config`]). `H` are the rows of a lap. `D` and `Y` stand on a
//! group's last row of `p2_total`, `B` one row above.
//!
//! In `dot` the product at a block's end is the block's fold of inputs times its fold of weights.
//!
//! # Soundness
//! Claim: an update is 0 on padding; `m`, `E` and `U` are the sums named above, as functions of the committed cells.
//!
//! The folds `U` (`fold.input`) and `E` (`fold.update`) and the chain `m` (`dot`) start from cells pinned by the gap gates in
//! [`super::links`]. The start of `h` (`fold.samples`) and of `k` (`fold.weights`) is arbitrary and cancels in the differences of
//! `dot`. Challenges are drawn after the first phase, in which `w`, `x`, `d` and `aux` are committed. The model columns have
//! no gate of their own: they are a model's, as the contract compares their commitments with the round's, and the round
//! circuit made that model, with 0 on padding.
//!
//! Update cells of a section that stand for no weight are 0 by `gradient` ([`super::links`]), whose right side has no such
//! power of `upsilon`. Those beside transposed weights are in no product, but in `fold.update` of the last
//! section, whose last `E` is a term of `lookup.total`:
//! `sum 1/(alpha-f) + E = sum n/(alpha-t)`, and for `alpha` to infinity `E = 0` as a polynomial in `upsilon`, so these cells are 0.
//! All other rows are in a gap (`update.start`, `update.gap`) or from the table on (`update.end`, `update.rest`), and places
//! without an update are 0 in the sections too (`update.idle`). So an update is 0 on padding.
//!
//! With laps `update.zone` says where an update is 0, whatever the section. The fine weights are the model's in the first lap (`model`,
//! in all cells of the sections, of which those without a weight or copy are 0), and from lap to lap what `gradient` makes of
//! them: `fold.update` adds them up in each lap, and what its end loses from lap to lap is what they lose, so a cell without a weight keeps its 0; `fold.total` adds up the update, which is where they end. In the last section `fold.copies` and `turn` fold
//! the copies so that `transposed` ([`super::links`]) can compare them with their weights. Cells there beside no copy, in the end block and
//! the spare ones, are read by no product that counts.
//!
//! An update column is opened at four rotations for each place in it that holds an update and one for each other; as many of its
//! last rows as there are blinding rows are random, at least two more than two proofs open (`crate::blinding`).
//! Each fold is a polynomial in its challenge whose degree is at most `C` times the rows of a place, `2^17` in the built-in profiles,
//! so a false identity survives with probability below `2^18 / r < 2^-235` there (`crate::soundness`).

use super::super::config::{Cells, LapColumns, TrainingConfig};
use super::super::plan::Plan;
use super::Named;
use crate::expr::{constant, horner, is_one, is_two, power, sum, Expr};
use crate::field::power_of_two;
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

/// Where the chains of the four-row groups sit, as rotations from a group's last row.
pub(super) const DOT: i32 = -3;
pub(super) const UPDATE: i32 = -2;
pub(super) const WEIGHTS: i32 = -1;
const SAMPLES: i32 = 0;
/// The same for the fold of a run's update or of the copies, and for the fold of the blocks of copies.
pub(super) const TOTAL: i32 = 0;
pub(super) const TURN: i32 = -1;

pub(super) fn create(meta: &mut ConstraintSystem<Fr>, config: &TrainingConfig, plan: &Plan) {
    meta.create_gate("padding", |meta| padding(&mut Cells { meta, config }, plan));
    meta.create_gate("folds", |meta| folds(&mut Cells { meta, config }, plan));
}

fn padding(q: &mut Cells<'_, '_>, plan: &Plan) -> Named {
    let config = q.config;
    if let Some(laps) = &config.laps {
        return lap_padding(q, plan, laps);
    }
    // Fixed columns: bound by the verifying key.
    let selectors = q.selectors();
    let rest = q.fixed(config.fixed.t_limb);
    let mut out = Vec::new();
    for (place, idle) in
        config.d.iter().map(|place| (place, false)).chain(config.idle.iter().map(|place| (place, true)))
    {
        // Update, or a place without one: bound by the constraints here on padding, by `gradient` on the weights' rows.
        let d = q.advice(*place, 0);
        out.push(("update.start", selectors.start.clone() * d.clone()));
        out.push(("update.gap", selectors.gap.clone() * d.clone()));
        // The tail of a place is padding, but for the one that ends with its column.
        let tail = rest.clone() - constant(plan.tail_code());
        out.push(match place.first as usize + plan.grid.height() == plan.grid.rows() {
            true => ("update.end", rest.clone() * tail * d.clone()),
            false => ("update.rest", rest.clone() * d.clone()),
        });
        if idle {
            out.push(("update.idle", selectors.section.clone() * d));
        }
    }
    out
}

/// Padding of the update and first weights of a run of several steps.
fn lap_padding(q: &mut Cells<'_, '_>, plan: &Plan, laps: &LapColumns) -> Named {
    let config = q.config;
    // Fixed columns: bound by the verifying key.
    let zone = q.fixed(laps.f_update);
    let first = q.lap_selectors(laps).model;
    let mut out = Vec::new();
    for place in config.d.iter().filter(|place| place.first == 0) {
        // Update: bound by `update.zone` on padding, by `gradient` on the weights' rows.
        let d = q.advice(*place, 0);
        out.push(("update.zone", zone.clone() * (zone.clone() - constant(1)) * d));
    }
    for (fine, model) in laps.v.iter().zip(&config.w) {
        // Model cell: bound by the contract, which compares its commitment with the round's model. Fine weight of the first step:
        // bound by `model`.
        let (model, fine) = (q.advice(*model, 0), q.advice(*fine, 0));
        out.push(("model", first.clone() * (fine - model * power_of_two(plan.profile.fine_shift))));
    }
    out
}

fn folds(q: &mut Cells<'_, '_>, plan: &Plan) -> Named {
    let config = q.config;
    let columns = plan.grid.width;
    let rows = plan.grid.rows_per_block;
    let back = rows as i32;
    // Fixed columns: bound by the verifying key.
    let selectors = q.selectors();
    let group = q.fixed(config.fixed.q_group);
    let block = q.fixed(config.fixed.q_block);
    let hidden = q.fixed(config.fixed.q_hidden);
    let output = q.fixed(config.fixed.q_output);
    // Challenges: bound by the transcript, drawn after the first phase.
    let theta = q.challenge(config.challenges.theta);
    let upsilon = q.challenge(config.challenges.upsilon);
    let mu = q.challenge(config.challenges.mu);
    let u = power(&upsilon, rows * columns);
    let r = power(&theta, rows);

    // q_output is 1 or 2 on outputs; this is 1 on both. invariant: two is invertible.
    let half = Fr::from(2).invert().unwrap_or(Fr::ZERO);
    let is_output = output.clone() * (constant(3) - output) * half;
    let mut private = hidden + is_output;
    if let Some(backward) = config.fixed.q_backward {
        // Fixed column: bound by the verifying key.
        private = private + q.fixed(backward);
    }
    // Feature, or zero beside other inputs: bound by the link to a column that the dataset circuit validated (`range.feature`,
    // `hiding.zone`). Labels stand beside outputs, where `private` is 1 and takes them out.
    let x = q.advice(config.x, 0);
    // Activation, residual or signal, where `private` is 1: bound by `hidden.activation`, `output.residual`,
    // `output.phantom`, `backward.signal`; elsewhere it is not used.
    let unit = q.unit(0);
    // Fold of the inputs, `t` rows above: bound by `fold.input` in a section, by `start.input` and `gap.input` in the gap
    // before it.
    let fold = |q: &mut Cells<'_, '_>, t: i32| q.advice(config.p2_input, -t);
    let bias = selectors.stop * Fr::from(plan.profile.bias_unit as u64);
    let now = fold(q, 0);
    let before = fold(q, back);
    let fold_input = selectors.section * (now - u.clone() * before - x.clone()) - bias - private * (unit - x);

    let mut updates = Vec::new();
    for t in 0..4 {
        match &config.laps {
            None => {
                for column in config.d.iter().rev() {
                    // Update cells of the group: bound by `gradient`, beside transposed weights by `lookup.total`.
                    updates.push(q.advice(*column, -t));
                }
            }
            Some(laps) => {
                for column in laps.v.iter().rev() {
                    // Fine weights: bound by `model` in the first lap, from lap to lap by `gradient`, copies by `transposed`.
                    updates.push(q.advice(*column, -t));
                }
            }
        }
    }
    // What adds up to the norm: the update, with laps the part of it that lies in this lap.
    let normed = match &config.laps {
        None => updates.clone(),
        Some(_) => {
            let committed = config.d.iter().filter(|place| place.first == 0);
            // Update cells of the group: bound by `gradient`, on padding by `update.zone`.
            committed.flat_map(|place| (0..4).map(|t| q.advice(*place, -t)).collect::<Vec<_>>()).collect()
        }
    };
    // With laps the last section, of the copies, has another code and no fold of the update.
    let changing = if config.laps.is_some() { is_one(&group) } else { group.clone() };
    // Fold of the update, with laps of the fine weights, here and a group above: bound by `fold.update`, from the start that `start.update` or
    // `gap.update` pins.
    let e = q.advice(config.p2_dot, UPDATE);
    let e_group = q.advice(config.p2_dot, UPDATE - 4);
    let step = power(&upsilon, 4 * columns);
    let fold_update = changing.clone() * (e - step * e_group - horner(&upsilon, updates));

    // Inputs of the group's rows, as differences of their fold: bound by `fold.input`.
    let inputs: Vec<Expr> = (0..4).map(|t| fold(q, t) - u.clone() * fold(q, back + t)).collect();
    // Fold of the inputs of the rows, here, a group and a block above: bound by `fold.samples`. Its start before a section
    // is free: it cancels in the difference below.
    let h = q.advice(config.p2_dot, SAMPLES);
    let h_group = q.advice(config.p2_dot, SAMPLES - 4);
    let h_block = q.advice(config.p2_dot, SAMPLES - back);
    let fold_samples = group.clone() * (h.clone() - power(&theta, 4) * h_group - horner(&theta, inputs));

    let mut weights = Vec::new();
    for t in 0..4 {
        let columns = config.laps.as_ref().map_or(&config.w, |laps| &laps.v);
        for column in columns.iter().rev() {
            // Model cells of the group: bound by the contract, which compares their commitment with the round's model. With laps
            // fine weights: bound by `model`, `gradient` and `transposed`.
            weights.push(q.advice(*column, -t));
        }
    }
    // Fold of the weights, here, a group and a block above: bound by `fold.weights`. Its start before a section is free: it
    // cancels in the difference below.
    let k = q.advice(config.p2_dot, WEIGHTS);
    let k_group = q.advice(config.p2_dot, WEIGHTS - 4);
    let k_block = q.advice(config.p2_dot, WEIGHTS - back);
    let fold_weights = group.clone() * (k.clone() - power(&r, 4 * columns) * k_group - horner(&r, weights.clone()));

    let squares = normed.into_iter().map(|cell| cell.clone() * cell).collect();
    // Dot chain, here and a group above: bound by `dot`, from the start that `start` or `state` pins.
    let m = q.advice(config.p2_dot, DOT);
    let m_group = q.advice(config.p2_dot, DOT - 4);
    let products = (h - r.clone() * h_block) * (k - power(&r, rows * columns) * k_block);
    let dot = group.clone() * (m - m_group - mu * sum(squares)) - block.clone() * products;

    let mut out = vec![
        ("fold.input", fold_input),
        ("fold.update", fold_update),
        ("fold.samples", fold_samples),
        ("fold.weights", fold_weights),
        ("dot", dot),
    ];
    let Some(laps) = &config.laps else { return out };
    for (total, update) in laps.p2_total.iter().zip(config.d.iter().filter(|place| place.first == 0)) {
        // Update cells of the group: bound by `gradient`, on padding by `update.zone`.
        let cells = (0..4).map(|t| q.advice(*update, -t)).collect();
        // Fold of the part of the update in this lap, here and a group above: bound by `fold.total`, from the start that
        // `start.total` or `gap.total` pins.
        let g = q.advice(*total, TOTAL);
        let g_group = q.advice(*total, TOTAL - 4);
        let base = power(&upsilon, columns);
        let step = power(&base, 4);
        out.push(("fold.total", changing.clone() * (g - step * g_group - horner(&base, cells))));
    }
    if let Some(copies) = laps.p2_total.first().filter(|_| plan.grid.depth() > 1) {
        // Fold of the copies, here, a group and a block above: bound by `fold.copies`. Its start before the section is free: it
        // cancels in the difference below.
        let y = q.advice(*copies, TOTAL);
        let y_group = q.advice(*copies, TOTAL - 4);
        let y_block = q.advice(*copies, TOTAL - back);
        out.push((
            "fold.copies",
            is_two(&group) * (y.clone() - power(&u, 4 * columns) * y_group - horner(&u, weights)),
        ));
        // Fold of the blocks of copies, here and a block above: bound by `turn`. Its start is free: it cancels in the difference of
        // `transposed`.
        let turned = q.advice(*copies, TURN);
        let turned_block = q.advice(*copies, TURN - back);
        let gained = y - power(&u, rows * columns) * y_block;
        out.push(("turn", is_two(&block) * (turned - upsilon * turned_block - gained)));
    }
    out
}
