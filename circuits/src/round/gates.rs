//! The gates of the round circuit, every one of degree three or less.
//!
//! # Shapes
//! For a weight `w`, its sum `s`, its next value `v`, `N` claims, `D = N 2^shift`, limbs of `l` bits, `M = N 2^(shift-l)`:
//! the remainder is `rem = s numerator + D/2 - D (w - v)`, so `v = w - floor((s numerator + D/2) / D)` if and only if
//! `0 <= rem < D`. `MIN` and `MAX` are the ends of a weight's range, and `top = (v - MIN - weight) / 2^l` is what is above the low
//! limb of the next weight.
//!
//! # Constraints
//! `z` is the zone's code: 0 tail, 1 data, 2 padding. Looked up are, for each weight column, `low`, `under`, `over`, the limbs of
//! `excess`, `weight`, and where it is wider than a bit `top` and `top` times what makes it a full limb.
//!
//! | constraint | rows | degree | formula | attack test |
//! |---|---|---|---|---|
//! | `public.zone` | all | 2 | `(z-1)(2w - 2 + z) = 0` for the model and the next model: 0 on padding, 1 on the tail | `rejects_a_model_that_is_not_canonical` |
//! | `hiding.zone` | all | 3 | `z(z-1)s = 0`: the sum is 0 on padding; the tail is free | `rejects_junk_in_the_sum` |
//! | `sum.transposed` | copies | 3 | `s = 0` | `rejects_junk_in_the_sum` |
//! | `claims` | area | 2 | `n = n[-1]` | `rejects_another_number_of_claims` |
//! | `claims.start` | row 0 | 3 | `n = N` before the area, `N` the public input | `rejects_another_number_of_claims` |
//! | `remainder` | weights | 3 | `rem = low + 2^l high` | `rejects_parts_that_are_not_those_of_the_remainder` |
//! | `floor` | weights | 3 | `(high - under - 2^l excess)(v - MAX) = 0` | `rejects_distances_that_are_not_those_of_the_remainder` |
//! | `ceiling` | weights | 3 | `(M - 1 - high - over - 2^l excess)(v - MIN) = 0` | `rejects_distances_that_are_not_those_of_the_remainder` |
//! | `weight.top` | weights | 3 | where `top` is one bit, `top (top - 1) = 0` | `rejects_a_weight_out_of_range` |
//! | `lookup` | area | 3 | `(S_i - S_(i-1)) (alpha - f_i) = 1` for the looked-up values of a row; `S_(-1)` is the last sum of the row above | `rejects_values_off_the_table_that_are_summed_as_others` |
//! | `lookup.start` | row 0 | 3 | the last sum is 0 before the area | `rejects_sums_that_do_not_start_at_zero` |
//! | `table` | table | 3 | `(T - T[-1]) (alpha - t) + count = 0` | `rejects_forged_multiplicities_and_sums` |
//! | `table.start` | row 0 | 3 | `T = 0` before the table | `rejects_sums_that_do_not_start_at_zero` |
//! | `lookup.total` | row 0 | 3 | last sum of the area `+ T` at the table's end `= 0` | `rejects_a_weight_that_is_off_by_one` |
//! | `fold` | weights with a copy | 3 | `F = tau^C F[-1] + sum_c tau^(C-1-c) v_c` | `rejects_forged_folds` |
//! | `fold.transposed` | copies | 3 | the same with `tau^(R C)` in place of `tau` | `rejects_forged_folds` |
//! | `turn` | last row of a block of copies | 3 | `G = tau G[-R] +` what `F` gains over the block | `rejects_forged_folds` |
//! | `transposed` | row 0, for each layer `l >= 2` | 3 | what `F` gains over the weights is what `G` gains over the copies, up to a power of `tau` | `rejects_a_copy_that_differs_from_its_weight` |
//!
//! # Soundness
//! Claim: the next model is the rounded and clamped step from the model by the mean of `N` updates, in range, with equal
//! copies, 0 on padding and 1 on the tail.
//!
//! `N` is at least 1: verifiers refuse other numbers before they ask for a proof, since by none `floor` and `ceiling` let both
//! ends of a weight's range through (`accepts_no_claims_which_every_verifier_must_refuse`).
//!
//! `w` is compared with the round's model and `s` is written by the contract; `w` is in range because every model is a `v` of
//! this circuit. `claims` carries the public number of `claims.start` to every row. The argument for the lookups is that of
//! [`crate::logup`]: `lookup`, `lookup.start`, `table`, `table.start`, `lookup.total`. So
//! `low`, `under`, `over`, `excess` and `weight` are integers below `2^l` (`excess`, of several limbs, below a power of that).
//!
//! By `weight.top`, or the lookups of a wider `top`, `v` is an integer in `MIN ..= MAX`. `remainder` ties `low` and `high` to it. If `v`
//! is neither end, `floor` and `ceiling` give `0 <= high <= M - 1`, so `0 <= rem < D` and
//! `v` is the rounded step. If `v = MAX`, `ceiling` gives `high <= M - 1`, so `rem < D`: the step leads to `MAX` or beyond, and `v` is its
//! clamp. If `v = MIN`, `floor` gives `high >= 0`: the same at the other end. (`MIN` and `MAX` differ, so one of the two always binds
//! `high`, an integer below `2^(l (2 + excess))`.) All values stay below `2^(l (2 + excess) + 1)`, far below `r/2`, and the sum of
//! proven updates is an integer below `max_claims` times the update's bound, so the equality of field elements is one of integers.
//!
//! `fold`, `fold.transposed`, `turn`, `transposed`: with rows of `R C` cells, both folds give the cell of input `j` and unit `k` the power
//! `(..-j) R C + (..-k)` of `tau`, up to a constant shift; they are equal if every copy is equal, and otherwise with a
//! probability below `(R C)^2 / r < 2^-215`. A fold's start cancels: what came before is subtracted.
//!
//! `public.zone` makes both models canonical: what is neither weight nor copy is 0, or 1 on the tail. `hiding.zone` and
//! `sum.transposed` leave the sum nothing but its weights and its tail.

use super::config::RoundConfig;
use super::plan::RoundPlan;
use crate::expr::{constant, horner, is_one, is_two, power, recompose, Expr};
use crate::field::{power_of_two, signed};
use crate::instance::CLAIMS;
use crate::logup;
use crate::quantize::{signed_max, signed_min};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Advice, Column, ConstraintSystem, VirtualCells};
use halo2_proofs::poly::Rotation;

type Named = Vec<(&'static str, Expr)>;

pub(super) fn create(meta: &mut ConstraintSystem<Fr>, config: &RoundConfig, plan: &RoundPlan) {
    meta.create_gate("zones", |meta| zones(meta, config, plan));
    meta.create_gate("weights", |meta| weights(meta, config, plan));
    meta.create_gate("lookups", |meta| lookups(meta, config, plan));
    if config.p2_folds.is_some() {
        meta.create_gate("folds", |meta| folds(meta, config, plan));
    }
    meta.create_gate("row 0", |meta| row_zero(meta, config, plan));
}

fn at(meta: &mut VirtualCells<'_, Fr>, column: Column<Advice>, rotation: i32) -> Expr {
    meta.query_advice(column, Rotation(rotation))
}

fn zones(meta: &mut VirtualCells<'_, Fr>, config: &RoundConfig, plan: &RoundPlan) -> Named {
    // Fixed columns: bound by the verifying key.
    let zone = meta.query_fixed(config.f_zone, Rotation::cur());
    let fold = meta.query_fixed(config.q_fold, Rotation::cur());
    let mut out = Vec::new();
    for column in config.w.iter().chain(&config.next) {
        // Cell of a model: bound by `public.zone` off the data; on the data the model by the contract, which compares its
        // commitment with the round's, and the next model by the constraints of `weights` and by `transposed`.
        let w = at(meta, *column, 0);
        out.push(("public.zone", (zone.clone() - constant(1)) * (w * Fr::from(2) - constant(2) + zone.clone())));
    }
    for column in &config.s {
        // Cell of the sum: bound by the contract, which adds the commitments of the updates, and by `hiding.zone`.
        let s = at(meta, *column, 0);
        out.push(("hiding.zone", zone.clone() * (zone.clone() - constant(1)) * s));
        if config.p2_folds.is_some() {
            for first in plan.stacked() {
                // Cell of the sum beside a copy: bound by `sum.transposed`.
                out.push(("sum.transposed", is_two(&fold) * at(meta, *column, first as i32)));
            }
        }
    }
    out
}

/// What is above the low limb of the next weight.
fn top(meta: &mut VirtualCells<'_, Fr>, config: &RoundConfig, plan: &RoundPlan, column: usize) -> Expr {
    // Next weight: bound by `remainder`, `floor` and `ceiling`; its range by `weight.top`, or by the lookups of a wider top.
    let next = at(meta, config.next[column], 0);
    // Low limb of the next weight: bound by `lookup`.
    let low = at(meta, config.parts[column].weight, 0);
    let min = Expr::Constant(signed(signed_min(plan.profile.weight_bits).into()));
    // invariant: a power of two is invertible.
    (next - min - low) * power_of_two(plan.limb_bits).invert().unwrap_or(Fr::ZERO)
}

fn weights(meta: &mut VirtualCells<'_, Fr>, config: &RoundConfig, plan: &RoundPlan) -> Named {
    let rate = &plan.profile.learning_rate;
    let limb = power_of_two(plan.limb_bits);
    let end = |value: i64| Expr::Constant(signed(value.into()));
    let (min, max) = (end(signed_min(plan.profile.weight_bits)), end(signed_max(plan.profile.weight_bits)));
    // Fixed columns: bound by the verifying key.
    let area = meta.query_fixed(config.q_area, Rotation::cur());
    let q = meta.query_fixed(config.q_weight, Rotation::cur());
    // Number of claims, here and a row above: bound by `claims`, before the area by `claims.start`.
    let claims = at(meta, config.claims, 0);
    let before = at(meta, config.claims, -1);
    let mut out = vec![("claims", area * (claims.clone() - before))];
    for (column, parts) in config.parts.iter().enumerate() {
        let mut cell = |column| at(meta, column, 0);
        // Model and sum: bound by the contract, which compares and adds commitments. Next weight: bound by the constraints here.
        let (w, s, next) = (cell(config.w[column]), cell(config.s[column]), cell(config.next[column]));
        // Low part of the remainder: bound by `lookup`. High part: bound by `remainder`, its range by `floor` and `ceiling`.
        let (low, high) = (cell(parts.low), cell(parts.high));
        // Distances from the two ends and their common excess: bound by `lookup`, and by `floor` and `ceiling`. The distance
        // from an end that the weight sits at is free: it is not used.
        let (under, over) = (cell(parts.under), cell(parts.over));
        let excess = recompose(plan.limb_bits, parts.excess.iter().map(|column| cell(*column)).collect()) * limb;
        let moved = (w - next.clone()) * power_of_two(rate.shift) - Expr::Constant(power_of_two(rate.shift - 1));
        let remainder = s * Fr::from(rate.numerator) - claims.clone() * moved;
        out.push(("remainder", q.clone() * (remainder - low - high.clone() * limb)));
        out.push(("floor", q.clone() * (high.clone() - under - excess.clone()) * (next.clone() - max.clone())));
        let last = claims.clone() * power_of_two(plan.ratio_bits()) - constant(1);
        out.push(("ceiling", q.clone() * (last - high - over - excess) * (next - min.clone())));
        if plan.top_bits() == 1 {
            let top = top(meta, config, plan, column);
            out.push(("weight.top", q.clone() * top.clone() * (top - constant(1))));
        }
    }
    out
}

/// The looked-up values of a row, in the order of their sums.
fn looked_up(meta: &mut VirtualCells<'_, Fr>, config: &RoundConfig, plan: &RoundPlan) -> Vec<Expr> {
    let mut out = Vec::new();
    for (column, parts) in config.parts.iter().enumerate() {
        // Parts of the remainder and low limb of the next weight: bound by `lookup` to the table, by the gate `weights` to their number.
        let cells = [parts.low, parts.under, parts.over].into_iter().chain(parts.excess.iter().copied());
        out.extend(cells.chain([parts.weight]).map(|column| at(meta, column, 0)));
        if plan.top_bits() > 1 {
            let top = top(meta, config, plan, column);
            out.extend([top.clone(), top * power_of_two(plan.limb_bits - plan.top_bits())]);
        }
    }
    out
}

fn lookups(meta: &mut VirtualCells<'_, Fr>, config: &RoundConfig, plan: &RoundPlan) -> Named {
    // Fixed columns: bound by the verifying key.
    let active = meta.query_fixed(config.q_area, Rotation::cur());
    let table = meta.query_fixed(config.t_limb, Rotation::cur());
    // Challenge: bound by the transcript, drawn after the first phase.
    let alpha = meta.query_challenge(config.alpha);
    let values = looked_up(meta, config, plan);
    let mut out = Vec::new();
    // Last sum of the row above: bound by `lookup`, before the area by `lookup.start`.
    let above = config.p2_sums.last().map(|column| at(meta, *column, -1));
    // Sums so far: bound by `lookup`.
    let sums: Vec<Expr> = config.p2_sums.iter().map(|column| at(meta, *column, 0)).collect();
    if let Some(above) = above {
        let cells = values.into_iter().zip(sums).collect();
        out.extend(logup::row(&active, &alpha, above, cells).into_iter().map(|step| ("lookup", step)));
    }
    // Sum of the table, here and a row above: bound by `table`, before the table by `table.start`.
    let total = at(meta, config.p2_table, 0);
    let total_before = at(meta, config.p2_table, -1);
    // Multiplicity: bound by nothing but `table` and `lookup.total`; any field element will do there.
    let count = at(meta, config.counts, 0);
    out.push(("table", logup::table(table, alpha, total_before, total, count)));
    out
}

fn folds(meta: &mut VirtualCells<'_, Fr>, config: &RoundConfig, plan: &RoundPlan) -> Named {
    let Some([fold, turn]) = config.p2_folds else { return Vec::new() };
    let (columns, rows) = (plan.grid.width, plan.grid.rows_per_block);
    let back = -(rows as i32);
    // Fixed columns: bound by the verifying key.
    let q_fold = meta.query_fixed(config.q_fold, Rotation::cur());
    let q_block = meta.query_fixed(config.q_block, Rotation::cur());
    // Challenge: bound by the transcript, drawn after the first phase.
    let tau = meta.query_challenge(config.tau);
    let rho = power(&tau, rows * columns);
    let places = (0..columns).rev().map(|c| plan.grid.weight_column(c));
    // Next weights or copies: bound by the gate `weights` and by `transposed`, beside them by `public.zone`.
    let cells: Vec<Expr> = places.map(|(column, first)| at(meta, config.next[column], first as i32)).collect();
    // Fold, here, a row and a block above: bound by `fold` and `fold.transposed`. Its start before a layer's weights or copies is
    // free: it cancels in the differences of `turn` and `transposed`.
    let now = at(meta, fold, 0);
    let before = at(meta, fold, -1);
    let block_before = at(meta, fold, back);
    // Fold of the blocks, here and a block above: bound by `turn`. Its start before a layer's copies is free: it cancels in
    // the difference of `transposed`.
    let turned = at(meta, turn, 0);
    let turned_before = at(meta, turn, back);
    let step = |base: &Expr| now.clone() - power(base, columns) * before.clone() - horner(base, cells.clone());
    let block = now.clone() - power(&rho, rows * columns) * block_before;
    vec![
        ("fold", is_one(&q_fold) * step(&tau)),
        ("fold.transposed", is_two(&q_fold) * step(&rho)),
        ("turn", is_one(&q_block) * (turned - tau * turned_before - block)),
    ]
}

fn row_zero(meta: &mut VirtualCells<'_, Fr>, config: &RoundConfig, plan: &RoundPlan) -> Named {
    // Fixed column: bound by the verifying key.
    let q_block = meta.query_fixed(config.q_block, Rotation::cur());
    let first = is_two(&q_block);
    let area = plan.area();
    let table = plan.table();
    // Public input: bound by the verifier, to the number of updates that the contract has added up.
    let given = meta.query_instance(config.instance, Rotation(CLAIMS as i32));
    // Number of claims before the area: bound by `claims.start`.
    let claims = at(meta, config.claims, area.start as i32 - 1);
    // Sum of the table at its end: bound by `table`.
    let table_end = at(meta, config.p2_table, (table + (1 << plan.limb_bits)) as i32 - 1);
    // Sum of the table before its first row: bound by `table.start`.
    let table_start = at(meta, config.p2_table, table as i32 - 1);
    let mut out =
        vec![("claims.start", first.clone() * (claims - given)), ("table.start", first.clone() * table_start)];
    if let Some(last) = config.p2_sums.last() {
        // Last sum before the area: bound by `lookup.start`.
        out.push(("lookup.start", first.clone() * at(meta, *last, area.start as i32 - 1)));
        // Last sum of the area: bound by `lookup`.
        out.push(("lookup.total", first.clone() * (at(meta, *last, area.end as i32 - 1) + table_end)));
    }
    let Some([fold, turn]) = config.p2_folds else { return out };
    let grid = &plan.grid;
    let (rows, columns) = (grid.rows_per_block, grid.width);
    // Challenge: bound by the transcript, drawn after the first phase.
    let tau = meta.query_challenge(config.tau);
    let block = rows * columns;
    for l in 2..=grid.depth() {
        let (inputs, outputs) = (grid.layers[l - 1], grid.layers[l]);
        let (weights, copies) = (plan.forward(l), plan.transposed(l));
        // A fold at its end: bound by `fold` or `turn`. Before its first row it is free: it cancels in the difference.
        let difference = |meta: &mut VirtualCells<'_, Fr>, column, rows: std::ops::Range<usize>, exponent| {
            at(meta, column, rows.end as i32 - 1) - power(&tau, exponent) * at(meta, column, rows.start as i32 - 1)
        };
        let weights = difference(meta, fold, weights, block * inputs);
        let copies = difference(meta, turn, copies, outputs);
        // The cell (j, k) has the exponent (inputs-1-j) block + block-1-k here and (block-1-j) block + outputs-1-k there.
        let (here, there) = ((block - inputs) * block + outputs, block);
        let scaled = match here.checked_sub(there) {
            Some(shift) => power(&tau, shift) * weights - copies,
            None => weights - power(&tau, there - here) * copies,
        };
        out.push(("transposed", first.clone() * scaled));
    }
    out
}
