//! LogUp: every limb lies in `0 .. 2^limb_bits`.
//!
//! # Constraints
//! 1. `lookup`: with `S_j` the running sum of lookup `j` of a row and `f_j` its value,
//!    `(S_j - S_(j-1)) (alpha - f_j) = 1`; `S_(-1)` is the last sum of the row before.
//! 2. `table`: with `t` the table value and `n` its multiplicity,
//!    `(T - T[-1]) (alpha - t) + n = 0`.
//!
//! The two sums meet in `links` (`lookup.total`).
//!
//! # Soundness
//! The rows where lookups are active are contiguous, and so are the table's; both tables' values are
//! fixed. Multiplicities and limbs are committed before `alpha`. A limb outside the table leaves a
//! pole of the rational identity `sum 1/(X - f) = sum n/(X - t)` whose residue is its count, below
//! `2^20 < r`, so the identity is false and survives a random `alpha` with probability below `2^21 / r`.
//! Source: Haböck, Multivariate lookups based on logarithmic derivatives, eprint 2022/1530.

use super::super::config::{Cells, TrainingConfig};
use super::super::expr::constant;
use super::super::plan::Plan;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;

pub(super) fn create(meta: &mut ConstraintSystem<Fr>, config: &TrainingConfig, plan: &Plan) {
    meta.create_gate("lookups", |meta| {
        let mut q = Cells { meta, config };
        let active = q.fixed(config.fixed.q_lookup);
        let table = q.fixed(config.fixed.t_limb);
        let alpha = q.challenge(config.challenges.alpha);
        let mut out = Vec::new();
        let mut before = plan.sums.last().map(|lane| q.chain(*lane, -1));
        for (lane, (limb, scale)) in plan.sums.iter().zip(plan.lookups()) {
            let value = q.lane(limb, 0) * Fr::from(scale);
            let now = q.chain(*lane, 0);
            if let Some(before) = before {
                let step = (now.clone() - before) * (alpha.clone() - value);
                out.push(("lookup", active.clone() * (step - constant(1))));
            }
            before = Some(now);
        }
        let total = q.advice(config.p2_update, 0);
        let total_before = q.advice(config.p2_update, -1);
        let multiplicity = q.unit(0);
        out.push(("table", table.clone() * ((total - total_before) * (alpha - table + constant(1)) + multiplicity)));
        out
    });
}
