//! Zones of the committed columns and the folds over whole sections.
//!
//! Write `in[row]` for the input of a row: a feature, an activation, a signal or the bias unit. With
//! `R` rows a block, `C` weight columns, `r = theta^R`, `u = upsilon^(R C)`:
//!
//! # Constraints
//! 1. `public.zone`: `(z-1)(2w - 2 + z) = 0`: a model cell is 0 on padding and 1 on the tail.
//! 2. `hiding.zone`: `z(z-1)d = 0`: an update cell is 0 on padding; the tail is free.
//! 3. `fold.input`: `U[row] = u U[row - R] + in[row]`.
//! 4. `fold.update`: `E[row] = upsilon^C E[row-1] + sum_c upsilon^(C-1-c) d_c[row]`.
//! 5. `fold.samples`: `h = theta^4 h[-4] + sum_t theta^t in[-t]` with `in = U - u U[-R]`.
//! 6. `fold.weights`: `k = r^(4C) k[-4] + sum r^(..) w`.
//! 7. `dot`: `m = m[-4] + mu sum_t (E[-t] - upsilon^C E[-t-1])^2`, and at a block's end also
//!    `+ (h - theta^R h[-R]) (k - r^(RC) k[-R])`, the block's fold of inputs times its fold of weights.
//!
//! # Soundness
//! Every read cell is committed in the first phase (`w`, `x`, `d`, `aux`) or determined by a fold
//! gate from such cells; the folds start from pinned zeros (gap gates in [`super::links`]), except
//! `h` and `k`, whose start is arbitrary and cancels in the differences. Challenges are drawn after
//! the first phase. Update cells beside transposed weights are in no product, but in `fold.update` of the last
//! section, from whose end `E` the table's LogUp sum goes on: `lookup.total` then says
//! `sum 1/(alpha-f) + E = sum n/(alpha-t)`, and for `alpha` to infinity `E = 0` as a polynomial in `upsilon`, so these cells are 0.
//! Each fold is a polynomial in its challenge of degree below `2^18`, so a false
//! identity survives with probability below `2^18 / r < 2^-235`.
//! Tests: `rejects_*` in `tests/training.rs`, the recorder in `tests/audit.rs`.

use super::super::config::{Cells, TrainingConfig};
use super::super::plan::Plan;
use crate::expr::{constant, horner, power, sum, Expr};
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

/// Where the chains of the four-row groups sit, as rotations from a group's last row.
pub(super) const DOT: i32 = -3;
const WEIGHTS: i32 = -1;
const SAMPLES: i32 = 0;

pub(super) fn create(meta: &mut ConstraintSystem<Fr>, config: &TrainingConfig, plan: &Plan) {
    let columns = plan.grid.columns;
    let rows = plan.grid.rows_per_block;
    let back = rows as i32;

    meta.create_gate("zones", |meta| {
        let mut q = Cells { meta, config };
        let zone = q.fixed(config.fixed.f_zone);
        let mut out = Vec::new();
        for column in &config.w {
            let w = q.advice(*column, 0);
            out.push(("public.zone", (zone.clone() - constant(1)) * (w * Fr::from(2) - constant(2) + zone.clone())));
        }
        for column in &config.d {
            let d = q.advice(*column, 0);
            out.push(("hiding.zone", zone.clone() * (zone.clone() - constant(1)) * d));
        }
        out
    });

    meta.create_gate("folds", |meta| {
        let mut q = Cells { meta, config };
        let section = q.fixed(config.fixed.q_section);
        let group = q.fixed(config.fixed.q_group);
        let block = q.fixed(config.fixed.q_block);
        let hidden = q.fixed(config.fixed.q_hidden);
        let output = q.fixed(config.fixed.q_output);
        let theta = q.challenge(config.challenges.theta);
        let upsilon = q.challenge(config.challenges.upsilon);
        let mu = q.challenge(config.challenges.mu);
        let u = power(&upsilon, rows * columns);
        let r = power(&theta, rows);

        // q_output is 1 or 2 on outputs; this is 1 on both.
        let is_output = output.clone() * (constant(3) - output) * Fr::from(2).invert_const();
        let mut private = hidden + is_output;
        if let Some(backward) = config.fixed.q_backward {
            private = private + q.fixed(backward);
        }
        let x = q.advice(config.x, 0);
        let unit = q.unit(0);
        let fold = |q: &mut Cells<'_, '_>, t: i32| q.advice(config.p2_input, -t);
        let bias = section.clone() * (section.clone() - constant(1)) * Fr::from(plan.profile.bias_unit as u64);
        let now = fold(&mut q, 0);
        let before = fold(&mut q, back);
        let fold_input = section.clone() * (now - u.clone() * before - x.clone()) - bias - private * (unit - x);

        let step = power(&upsilon, columns);
        let sums: Vec<Expr> = (0..5).map(|t| q.advice(config.p2_update, -t)).collect();
        let cells: Vec<Expr> = config.d.iter().rev().map(|column| q.advice(*column, 0)).collect();
        let fold_update = section * (sums[0].clone() - step.clone() * sums[1].clone() - horner(&upsilon, cells));

        let inputs: Vec<Expr> = (0..4).map(|t| fold(&mut q, t) - u.clone() * fold(&mut q, back + t)).collect();
        let h = q.advice(config.p2_dot, SAMPLES);
        let h_group = q.advice(config.p2_dot, SAMPLES - 4);
        let h_block = q.advice(config.p2_dot, SAMPLES - back);
        let fold_samples = group.clone() * (h.clone() - power(&theta, 4) * h_group - horner(&theta, inputs));

        let mut weights = Vec::new();
        for t in 0..4 {
            for column in config.w.iter().rev() {
                weights.push(q.advice(*column, -t));
            }
        }
        let k = q.advice(config.p2_dot, WEIGHTS);
        let k_group = q.advice(config.p2_dot, WEIGHTS - 4);
        let k_block = q.advice(config.p2_dot, WEIGHTS - back);
        let fold_weights = group.clone() * (k.clone() - power(&r, 4 * columns) * k_group - horner(&r, weights));

        let squares = (0..4)
            .map(|t| {
                let cells = sums[t].clone() - step.clone() * sums[t + 1].clone();
                cells.clone() * cells
            })
            .collect();
        let m = q.advice(config.p2_dot, DOT);
        let m_group = q.advice(config.p2_dot, DOT - 4);
        let products = (h - r.clone() * h_block) * (k - power(&r, rows * columns) * k_block);
        let dot = group * (m - m_group - mu * sum(squares)) - block * products;

        vec![
            ("fold.input", fold_input),
            ("fold.update", fold_update),
            ("fold.samples", fold_samples),
            ("fold.weights", fold_weights),
            ("dot", dot),
        ]
    });
}

trait InvertConst {
    fn invert_const(self) -> Fr;
}

impl InvertConst for Fr {
    fn invert_const(self) -> Fr {
        use halo2_proofs::arithmetic::Field;
        self.invert().unwrap_or(Fr::ZERO)
    }
}
