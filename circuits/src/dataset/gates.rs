//! The gates of the dataset circuit, every one of degree three or less.
//!
//! # Constraints
//! With `R` rows a block:
//! 1. `hiding.zone`: `z(z-1)x = 0`: the data column is 0 on padding; the tail is free.
//! 2. `range.feature`: `(S - S[-1]) (alpha - x) = 1` on feature rows.
//! 3. `range.table`: `(S - S[-1]) (alpha - t) + n = 0` on the table's rows, which follow.
//! 4. `range.pin`: `S = 0` before the first feature and on the table's last row.
//! 5. `label.bit`: `x (x - 1) = 0` on label rows.
//! 6. `label.sum`: `L = L[-R] + x`, starting at the first label; `label.one`: `L = 1` at the last.
//! 7. `print`: `U = upsilon U[-R] + x` on feature rows, starting at the first feature.
//! 8. `pair.copy`: `U = U[-R]`: the fingerprint of sample `i`; `pair.shift`: `V = V[1-R]`, for
//!    neighbours `V = U[1-R]`: that of sample `i + shift`; `pair.distinct`: `(U - V) I = 1`.
//!
//! # Soundness
//! `x` is bound by gates 1, 2 or 5 in every cell before the tail. 2 to 4 are one contiguous sum that
//! starts and ends at 0 (LogUp, eprint 2022/1530), with values and multiplicities committed before
//! `alpha`. 5 and 6 force exactly one 1 among a sample's labels, as the sum of at most 2^16 bits does
//! not wrap. 7 starts afresh at the first feature, so `U` on the last feature's rows is the
//! fingerprint of each sample, of the features only: the same record under two labels is one record.
//! 8 chains copies block by block, each from enabled rows, so every pair is compared once.

use super::{DatasetConfig, DatasetPlan};
use crate::expr::{is_one, is_two};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{ConstraintSystem, Expression};
use halo2_proofs::poly::Rotation;

pub(super) fn create(meta: &mut ConstraintSystem<Fr>, config: &DatasetConfig, plan: &DatasetPlan) {
    let back = -(plan.grid.rows_per_block as i32);
    let one = || Expression::Constant(Fr::ONE);

    meta.create_gate("dataset", |meta| {
        let mut advice = |column, rotation| meta.query_advice(column, Rotation(rotation));
        let x = advice(config.x, 0);
        let aux = advice(config.aux, 0);
        let label_sum = advice(config.aux, plan.label_shift as i32);
        let label_back = advice(config.aux, plan.label_shift as i32 + back);
        let sum = advice(config.p2_range, 0);
        let step = sum.clone() - advice(config.p2_range, -1);
        let print = advice(config.p2_print, 0);
        let print_back = advice(config.p2_print, back);
        let print_next = advice(config.p2_print, back + 1);
        let shifted = advice(config.p2_shift, 0);
        let shifted_next = advice(config.p2_shift, back + 1);
        let inverse = advice(config.p2_inverse, 0);
        let mut fixed = |column| meta.query_fixed(column, Rotation::cur());
        let zone = fixed(config.f_zone);
        let feature = fixed(config.q_feature);
        let label = fixed(config.q_label);
        let pin = fixed(config.q_pin);
        let pair = fixed(config.q_pair);
        let table = fixed(config.t_feature);
        let alpha = meta.query_challenge(config.alpha);
        let upsilon = meta.query_challenge(config.upsilon);

        vec![
            ("hiding.zone", zone.clone() * (zone - one()) * x.clone()),
            ("range.feature", feature.clone() * (step.clone() * (alpha.clone() - x.clone()) - one())),
            ("range.table", table.clone() * (step * (alpha - table + one()) + aux.clone())),
            ("range.pin", is_one(&pin) * sum),
            ("label.bit", label.clone() * x.clone() * (x.clone() - one())),
            ("label.sum", label.clone() * (label_sum - x.clone()) - is_one(&label) * label_back),
            ("label.one", is_two(&pin) * (aux - one())),
            ("print", feature.clone() * (print.clone() - x) - is_one(&feature) * upsilon * print_back.clone()),
            ("pair.copy", pair.clone() * (print.clone() - print_back)),
            ("pair.shift", pair.clone() * shifted.clone() - is_one(&pair) * shifted_next - is_two(&pair) * print_next),
            ("pair.distinct", pair * ((print - shifted) * inverse - one())),
        ]
    });
}
