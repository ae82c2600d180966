//! The gates of the round circuit, every one of degree three or less.
//!
//! # Shapes
//! For a weight `w`, its sum `s`, its next value `v`, `N` claims, `D = N 2^shift`, limbs of `l` bits, `M = N 2^(shift-l)`:
//! the remainder is `rem = s numerator + D/2 - D (w - v)`, so `v = w - floor((s numerator + D/2) / D)` if and only if
//! `0 <= rem < D`. `MIN` and `MAX` are the ends of a weight's range.
//!
//! # Constraints
//! 1. `public.zone`: `(z-1)(2w - 2 + z) = 0` for the model and the next model: 0 on padding, 1 on the tail.
//! 2. `hiding.zone`: `z(z-1)s = 0`: the sum is 0 on padding; the tail is free. `sum.transposed`: it is 0 beside copies.
//! 3. `claims`: `n = n[-1]` on the area; `claims.start`: before the area it is the public input `N`.
//! 4. `remainder`: `rem = low + 2^l high`.
//! 5. `floor`: `(high - under - 2^l excess)(v - MAX) = 0`.
//! 6. `ceiling`: `(M - 1 - high - over - 2^l excess)(v - MIN) = 0`.
//! 7. `weight.top`: with `top = (v - MIN - weight) / 2^l`, where it is one bit: `top (top - 1) = 0`.
//! 8. `lookup`: for the looked-up values `f_0, f_1, ..` of a row (`low`, `under`, `over`, `excess`, `weight`; a wider `top`, and
//!    `top` times what makes it a full limb) and sums `S_0, S_1, ..`: `(S_i - S_(i-1)) (alpha - f_i) = 1`; `S_(-1)` is the last sum of the row before.
//! 9. `lookup.start`, `table.start`: the sums begin at zero; `table`: `(T - T[-1]) (alpha - t) + count = 0`; `lookup.total`: they meet.
//! 10. `fold`: `F = tau^C F[-1] + sum_c tau^(C-1-c) v_c` over weights that have a transposed copy; `fold.transposed`: the same
//!     over the copies with `tau^(R C)` in place of `tau`; `turn`: `G = tau G[-R] + (fold of the block)` at a block's last row.
//! 11. `transposed`: for each layer the fold of the weights is the fold of the copies.
//!
//! # Soundness
//! `w` is compared with the round's model and `s` is written by the contract; `w` is in range because every model is a `v` of
//! this circuit. Lookups (LogUp, eprint 2022/1530) hold on one contiguous area, values and counts are committed before `alpha`:
//! `low`, `under`, `over`, `excess` and `weight` are integers below `2^l`, error below `2^21 / r`.
//!
//! By 7, `v` is an integer in `MIN ..= MAX`. If `v` is neither end, 5 and 6 give `0 <= high <= M - 1`, so `0 <= rem < D` and
//! `v` is the rounded step. If `v = MAX`, 6 gives `high <= M - 1`, so `rem < D`: the step leads to `MAX` or beyond, and `v` is its
//! clamp. If `v = MIN`, 5 gives `high >= 0`: the same at the other end. (`MIN` and `MAX` differ, so one of 5 and 6 always binds
//! `high`, an integer below `2^(l (2 + excess))`.) All values stay below `2^(l (2 + excess) + 1)`, far below `r/2`, and the sum of
//! proven updates is an integer below `max_claims` times the update's bound, so the equality of field elements is one of integers.
//!
//! 10 and 11: with rows of `R C` cells, both folds give the cell of input `j` and unit `k` the power
//! `(..-j) R C + (..-k)` of `tau`, up to a constant shift; they are equal if every copy is equal, and otherwise with a
//! probability below `(R C)^2 / r < 2^-215`. A fold's start cancels: what came before is subtracted.
//!
//! Tests: `rejects_*` in `tests/round.rs`, structure in `tests/audit.rs`.

use super::config::RoundConfig;
use super::plan::RoundPlan;
use crate::expr::{constant, horner, is_one, is_two, power, recompose, Expr};
use crate::field::{power_of_two, signed};
use crate::instance::CLAIMS;
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
    let zone = meta.query_fixed(config.f_zone, Rotation::cur());
    let fold = meta.query_fixed(config.q_fold, Rotation::cur());
    let mut out = Vec::new();
    for column in config.w.iter().chain(&config.next) {
        let w = at(meta, *column, 0);
        out.push(("public.zone", (zone.clone() - constant(1)) * (w * Fr::from(2) - constant(2) + zone.clone())));
    }
    for column in &config.s {
        let s = at(meta, *column, 0);
        out.push(("hiding.zone", zone.clone() * (zone.clone() - constant(1)) * s));
        if config.p2_folds.is_some() {
            for first in plan.stacked() {
                out.push(("sum.transposed", is_two(&fold) * at(meta, *column, first as i32)));
            }
        }
    }
    out
}

/// What is above the low limb of the next weight.
fn top(meta: &mut VirtualCells<'_, Fr>, config: &RoundConfig, plan: &RoundPlan, column: usize) -> Expr {
    let next = at(meta, config.next[column], 0);
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
    let area = meta.query_fixed(config.q_area, Rotation::cur());
    let q = meta.query_fixed(config.q_weight, Rotation::cur());
    let claims = at(meta, config.claims, 0);
    let before = at(meta, config.claims, -1);
    let mut out = vec![("claims", area * (claims.clone() - before))];
    for (column, parts) in config.parts.iter().enumerate() {
        let mut cell = |column| at(meta, column, 0);
        let (w, s, next) = (cell(config.w[column]), cell(config.s[column]), cell(config.next[column]));
        let (low, high) = (cell(parts.low), cell(parts.high));
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
    let active = meta.query_fixed(config.q_area, Rotation::cur());
    let table = meta.query_fixed(config.t_limb, Rotation::cur());
    let alpha = meta.query_challenge(config.alpha);
    let values = looked_up(meta, config, plan);
    let mut out = Vec::new();
    let mut before = config.p2_sums.last().map(|column| at(meta, *column, -1));
    for (value, column) in values.into_iter().zip(&config.p2_sums) {
        let now = at(meta, *column, 0);
        if let Some(before) = before {
            out.push(("lookup", active.clone() * ((now.clone() - before) * (alpha.clone() - value) - constant(1))));
        }
        before = Some(now);
    }
    let total = at(meta, config.p2_table, 0);
    let total_before = at(meta, config.p2_table, -1);
    let count = at(meta, config.counts, 0);
    out.push(("table", table.clone() * ((total - total_before) * (alpha - table + constant(1)) + count)));
    out
}

fn folds(meta: &mut VirtualCells<'_, Fr>, config: &RoundConfig, plan: &RoundPlan) -> Named {
    let Some([fold, turn]) = config.p2_folds else { return Vec::new() };
    let (columns, rows) = (plan.grid.width, plan.grid.rows_per_block);
    let back = -(rows as i32);
    let q_fold = meta.query_fixed(config.q_fold, Rotation::cur());
    let q_block = meta.query_fixed(config.q_block, Rotation::cur());
    let tau = meta.query_challenge(config.tau);
    let rho = power(&tau, rows * columns);
    let places = (0..columns).rev().map(|c| plan.grid.weight_column(c));
    let cells: Vec<Expr> = places.map(|(column, first)| at(meta, config.next[column], first as i32)).collect();
    let now = at(meta, fold, 0);
    let before = at(meta, fold, -1);
    let block_before = at(meta, fold, back);
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
    let q_block = meta.query_fixed(config.q_block, Rotation::cur());
    let first = is_two(&q_block);
    let area = plan.area();
    let table = plan.table();
    let given = meta.query_instance(config.instance, Rotation(CLAIMS as i32));
    let claims = at(meta, config.claims, area.start as i32 - 1);
    let table_end = at(meta, config.p2_table, (table + (1 << plan.limb_bits)) as i32 - 1);
    let mut out = vec![
        ("claims.start", first.clone() * (claims - given)),
        ("table.start", first.clone() * at(meta, config.p2_table, table as i32 - 1)),
    ];
    if let Some(last) = config.p2_sums.last() {
        out.push(("lookup.start", first.clone() * at(meta, *last, area.start as i32 - 1)));
        out.push(("lookup.total", first.clone() * (at(meta, *last, area.end as i32 - 1) + table_end)));
    }
    let Some([fold, turn]) = config.p2_folds else { return out };
    let grid = &plan.grid;
    let (rows, columns) = (grid.rows_per_block, grid.width);
    let tau = meta.query_challenge(config.tau);
    let block = rows * columns;
    for l in 2..=grid.depth() {
        let (inputs, outputs) = (grid.layers[l - 1], grid.layers[l]);
        let (weights, copies) = (plan.forward(l), plan.transposed(l));
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
