//! Padding of the update and the folds over whole sections.
//!
//! Write `in[row]` for the input of a row: a feature, an activation, a signal or the bias unit. With
//! `R` rows a block, `C` weight columns, `r = theta^R`, `u = upsilon^(R C)`. Rows of a section go in groups of four; `[-t]`
//! for `t = 0..3` are a group's rows from its last one, `[-4]` is the group before. Each group's rows of one column hold
//! `m`, `E`, `k`, `h`, in this order.
//!
//! # Constraints
//! 1. `update.start`, `update.gap`, `update.end`: an update cell is 0 in the start gap, in the gaps and from the table on; the
//!    tail is free. Where update columns are stacked, `update.rest`: it is 0 in the tail too, where another follows;
//!    `update.idle`: in a place that no update column takes, it is 0 in the sections too.
//! 2. `fold.input`: `U[row] = u U[row - R] + in[row]`.
//! 3. `fold.update`: `E = upsilon^(4C) E[-4] + sum upsilon^(C t + C-1-c) d_c[-t]`.
//! 4. `fold.samples`: `h = theta^4 h[-4] + sum_t theta^t in[-t]` with `in = U - u U[-R]`.
//! 5. `fold.weights`: `k = r^(4C) k[-4] + sum r^(..) w`.
//! 6. `dot`: `m = m[-4] + mu sum d_c[-t]^2`, and at a block's end also
//!    `+ (h - theta^R h[-R]) (k - r^(RC) k[-R])`, the block's fold of inputs times its fold of weights.
//!
//! # Soundness
//! Every read cell is committed in the first phase (`w`, `x`, `d`, `aux`) or determined by a fold
//! gate from such cells; the folds start from pinned zeros (gap gates in [`super::links`]), except
//! `h` and `k`, whose start is arbitrary and cancels in the differences. Challenges are drawn after
//! the first phase. The model columns have no gate of their own: they are a model's, as the contract compares their
//! commitments with the round's, and the round circuit made that model, with 0 on padding.
//!
//! Update cells of a section that stand for no weight are 0 by `gradient` ([`super::links`]), whose right side has no such power of
//! `upsilon`. Those beside transposed weights are in no product, but in `fold.update` of the last
//! section, whose last `E` is a term of `lookup.total`:
//! `sum 1/(alpha-f) + E = sum n/(alpha-t)`, and for `alpha` to infinity `E = 0` as a polynomial in `upsilon`, so these cells are 0.
//! All other rows are those of constraint 1: every row is in a section, in a gap, or from the table on. So an update is 0 on padding.
//! An update column is opened at four rotations for each place in it that holds an update and one for each other; as many of its
//! last rows as there are blinding rows are random, at least two more than two proofs open (`crate::blinding`).
//! Each fold is a polynomial in its challenge whose degree is at most `C` times the rows of a place, `2^17` in the built-in profiles,
//! so a false identity survives with probability below `2^18 / r < 2^-235` there (`crate::soundness`).
//! Tests: `rejects_*` in `tests/training.rs`, the recorder in `tests/audit.rs`.

use super::super::config::{Cells, TrainingConfig};
use super::super::plan::Plan;
use crate::expr::{constant, horner, power, sum, Expr};
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

/// Where the chains of the four-row groups sit, as rotations from a group's last row.
pub(super) const DOT: i32 = -3;
pub(super) const UPDATE: i32 = -2;
const WEIGHTS: i32 = -1;
const SAMPLES: i32 = 0;

pub(super) fn create(meta: &mut ConstraintSystem<Fr>, config: &TrainingConfig, plan: &Plan) {
    let columns = plan.grid.width;
    let rows = plan.grid.rows_per_block;
    let back = rows as i32;

    meta.create_gate("padding", |meta| {
        let mut q = Cells { meta, config };
        let selectors = q.selectors();
        let rest = q.fixed(config.fixed.t_limb);
        let mut out = Vec::new();
        for (place, idle) in
            config.d.iter().map(|place| (place, false)).chain(config.idle.iter().map(|place| (place, true)))
        {
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
    });

    meta.create_gate("folds", |meta| {
        let mut q = Cells { meta, config };
        let selectors = q.selectors();
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
        let bias = selectors.stop * Fr::from(plan.profile.bias_unit as u64);
        let now = fold(&mut q, 0);
        let before = fold(&mut q, back);
        let fold_input = selectors.section * (now - u.clone() * before - x.clone()) - bias - private * (unit - x);

        let mut updates = Vec::new();
        for t in 0..4 {
            for column in config.d.iter().rev() {
                updates.push(q.advice(*column, -t));
            }
        }
        let e = q.advice(config.p2_dot, UPDATE);
        let e_group = q.advice(config.p2_dot, UPDATE - 4);
        let step = power(&upsilon, 4 * columns);
        let fold_update = group.clone() * (e - step * e_group - horner(&upsilon, updates.clone()));

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

        let squares = updates.into_iter().map(|cell| cell.clone() * cell).collect();
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
