//! Range checks: every limb lies in `0 .. 2^limb_bits`. The gates and the sum are those of [`crate::logup`].
//!
//! # Constraints
//! `f_0, f_1, ..` are the cells of a row of the lookup area and `S_0, S_1, ..` their sums; `T` is the sum of the table, `t` its
//! value and `n` the multiplicity.
//!
//! | constraint | degree | formula | attack test |
//! |---|---|---|---|
//! | `lookup` | 3 | `(S_c - S_(c-1)) (alpha - f_c) = 1`; `S_(-1)` is the last column's sum of the row above | `rejects_values_off_the_table_that_are_summed_as_others` |
//! | `lookup.start` | 3 | the last column's sum is 0 in the start gap, just before the area, of the first lap | `rejects_sums_that_something_else_makes_good` |
//! | `table` | 3 | `(T - T[-1]) (alpha - t) + n = 0`, with a softmax `(T - T[-1]) (alpha - t - mu e) + n = 0` | `rejects_sums_of_other_limbs_and_multiplicities` |
//!
//! `table` holds on the rows after the table too. With a softmax these begin with the exponentials, `t` the argument and `e` its value,
//! whose gain [`super::softmax`] reads by itself, and on the limbs' rows `e` is 0; the sum after them nothing reads.
//!
//! # Soundness
//! Claim: each cell of the area is in the table. The argument is that of [`crate::logup`]: `lookup` from the start that
//! `lookup.start` pins, `table`, and `lookup.total` in [`super::links`], where the two sums meet. The area's rows are
//! contiguous, with laps those of each, as `lookup.carry` leads from one to the next, and so are the table's, whose sum starts anywhere: only what it adds counts. `lookup.total` has a third
//! term, the update's last fold, which is zero by the same identity ([`super::folds`]).

use super::super::config::{Cells, TrainingConfig};
use super::super::plan::Plan;
use crate::logup;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

pub(super) fn create(meta: &mut ConstraintSystem<Fr>, config: &TrainingConfig, plan: &Plan) {
    meta.create_gate("lookups", |meta| {
        let mut q = Cells { meta, config };
        // Fixed columns: bound by the verifying key.
        let active = q.fixed(config.fixed.q_lookup);
        let table = q.fixed(config.fixed.t_limb);
        // Challenge: bound by the transcript, drawn after the first phase.
        let alpha = q.challenge(config.challenges.alpha);
        let mut out = Vec::new();
        let sums = &config.p2_chain[..plan.area.columns.len()];
        // Last sum of the row above: bound by `lookup`, above the area's first row by `lookup.start`.
        let above = sums.last().map(|column| q.advice(*column, -1));
        let mut cells = Vec::new();
        for (limb, sum) in plan.area.columns.clone().zip(sums) {
            // Looked-up limb: bound by `lookup` to the table, and to its number by the gates of `units` and `bucket`.
            let value = q.advice(config.aux[limb], 0);
            // Sum so far: bound by `lookup`.
            cells.push((value, q.advice(*sum, 0)));
        }
        if let (Some(above), Some((_, last))) = (above, cells.last()) {
            let start = last.clone();
            out.extend(logup::row(&active, &alpha, above, cells).into_iter().map(|step| ("lookup", step)));
            if config.laps.is_none() {
                // Fixed columns: bound by the verifying key.
                out.push(("lookup.start", q.selectors().start * start));
            }
        }
        // Sum of the table, here and a row above: bound by `table`. Its start is free: only the gain is read, by `lookup.total`.
        let total = q.advice(config.p2_input, 0);
        let total_before = q.advice(config.p2_input, -1);
        // Multiplicity: bound by nothing but `table` and `lookup.total`; any field element will do there.
        let multiplicity = q.unit(0);
        // The argument of an exponential carries its value.
        let alpha = match config.fixed.t_exp {
            // Fixed column: bound by the verifying key. Challenge: bound by the transcript, drawn after the first phase.
            Some(column) => alpha - q.challenge(config.challenges.mu) * q.fixed(column),
            None => alpha,
        };
        out.push(("table", logup::table(table, alpha, total_before, total, multiplicity)));
        out
    });
}
