//! LogUp: every limb lies in `0 .. 2^limb_bits`.
//!
//! # Constraints
//! 1. `lookup`: on a row of the lookup area with cells `f_0, f_1, ..` of its columns and sums `S_0, S_1, ..`:
//!    `(S_c - S_(c-1)) (alpha - f_c) = 1`; `S_(-1)` is the last column's sum of the row before.
//! 2. `table`: with `t` the table value and `n` its multiplicity,
//!    `(T - T[-1]) (alpha - t) + n = 0`; so too on the rows after the table, whose sum nothing reads.
//! 3. `lookup.start`: the last column's sum is zero in the start gap, just before the area.
//!
//! The two sums meet in `links` (`lookup.total`).
//!
//! # Soundness
//! The area's rows are contiguous, and so are the table's, whose values are fixed and whose sum starts anywhere:
//! only what it adds counts. The update's last fold, which is added too, this makes zero (`folds`). Multiplicities and limbs are committed before `alpha`.
//! A limb outside the table leaves a pole of the rational identity
//! `sum 1/(X - f) = sum n/(X - t)` whose residue is its count, below `2^20 < r`, so the
//! identity is false and survives a random `alpha` with probability below `2^21 / r`.
//! Source: Haböck, Multivariate lookups based on logarithmic derivatives, eprint 2022/1530.

use super::super::config::{Cells, TrainingConfig};
use super::super::plan::Plan;
use crate::expr::constant;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

pub(super) fn create(meta: &mut ConstraintSystem<Fr>, config: &TrainingConfig, plan: &Plan) {
    meta.create_gate("lookups", |meta| {
        let mut q = Cells { meta, config };
        let active = q.fixed(config.fixed.q_lookup);
        let table = q.fixed(config.fixed.t_limb);
        let alpha = q.challenge(config.challenges.alpha);
        let mut out = Vec::new();
        let sums = &config.p2_chain[..plan.area.columns.len()];
        let mut before = sums.last().map(|column| q.advice(*column, -1));
        for (limb, sum) in plan.area.columns.clone().zip(sums) {
            let value = q.advice(config.aux[limb], 0);
            let now = q.advice(*sum, 0);
            if let Some(before) = before {
                let step = (now.clone() - before) * (alpha.clone() - value);
                out.push(("lookup", active.clone() * (step - constant(1))));
            }
            before = Some(now);
        }
        if let Some(last) = before {
            out.push(("lookup.start", q.selectors().start * last));
        }
        let total = q.advice(config.p2_input, 0);
        let total_before = q.advice(config.p2_input, -1);
        let multiplicity = q.unit(0);
        out.push(("table", table.clone() * ((total - total_before) * (alpha - table + constant(1)) + multiplicity)));
        out
    });
}
