//! The gates of the dataset circuit, every one of degree three or less.
//!
//! # Constraints
//! `z` is the zone's code: 0 tail, 1 data, 2 padding; `R` are the rows of a block. `S` is the sum of the lookups, `t` a table value
//! and `n` its multiplicity, `L` the sum of a sample's labels, `U` a fingerprint, `V` the fingerprint it is compared with and `I` the inverse
//! of their difference.
//!
//! | constraint | rows | degree | formula | attack test |
//! |---|---|---|---|---|
//! | `hiding.zone` | all | 3 | `z(z-1)x = 0`: the data column is 0 on padding; the tail is free | `rejects_values_in_the_padding` |
//! | `range.feature` | features | 3 | `(S - S[-1]) (alpha - x) = 1` | `rejects_forged_multiplicities_and_sums` |
//! | `range.table` | table, which follows | 3 | `(S - S[-1]) (alpha - t) + n = 0` | `rejects_forged_multiplicities_and_sums` |
//! | `range.pin` | before the first feature, last of the table | 3 | `S = 0` | `rejects_features_out_of_range` |
//! | `label.bit` | labels | 3 | `x (x - 1) = 0` | `rejects_labels_that_are_not_one_hot` |
//! | `label.sum` | labels | 3 | `L = L[-R] + x`, at the first label `L = x` | `rejects_forged_label_sums` |
//! | `label.one` | last label | 3 | `L = 1` | `rejects_labels_that_are_not_one_hot` |
//! | `print` | features | 3 | `U = upsilon U[-R] + x`, at the first feature `U = x` | `rejects_forged_fingerprints` |
//! | `pair.copy` | pairs | 2 | `U = U[-R]`: the fingerprint of sample `i` | `rejects_forged_fingerprints` |
//! | `pair.shift` | pairs | 3 | `V = V[1-R]`, for neighbours `V = U[1-R]`: the fingerprint of sample `i + shift` | `rejects_forged_fingerprints` |
//! | `pair.distinct` | pairs | 3 | `(U - V) I = 1` | `rejects_a_record_that_appears_twice` |
//!
//! # Soundness
//! Claim: the data column holds features in range, one-hot labels, no two records with the same features, and 0 elsewhere before
//! the tail.
//!
//! `x` is bound by `hiding.zone`, `range.feature` or `label.bit` in every cell before the tail. `range.feature` and `range.table` are one
//! contiguous sum that `range.pin` starts and ends at 0: the argument is that of [`crate::logup`]. `label.bit`, `label.sum` and
//! `label.one` force exactly one 1 among a sample's labels, as the sum of at most 2^16 bits does
//! not wrap. `print` starts afresh at the first feature, so `U` on the last feature's rows is the
//! fingerprint of each sample, of the features only: the same record under two labels is one record.
//! `pair.copy` and `pair.shift` chain copies block by block, each from enabled rows, so `pair.distinct` compares every pair once. Equal
//! records have equal fingerprints for every challenge, so no challenge saves them.

use super::config::DatasetConfig;
use super::plan::DatasetPlan;
use crate::expr::{is_one, is_two};
use crate::logup;
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{ConstraintSystem, Expression};
use halo2_proofs::poly::Rotation;

pub(super) fn create(meta: &mut ConstraintSystem<Fr>, config: &DatasetConfig, plan: &DatasetPlan) {
    let back = -(plan.grid.rows_per_block as i32);
    let one = || Expression::Constant(Fr::ONE);

    meta.create_gate("dataset", |meta| {
        let mut advice = |column, rotation| meta.query_advice(column, Rotation(rotation));
        // Feature, label or padding: bound by `range.feature`, `label.bit` with `label.one`, or `hiding.zone`.
        let x = advice(config.x, 0);
        // Beside the table a multiplicity: bound by nothing but `range.table` and `range.pin`; any field element will do there.
        // Beside the last label, or `label_shift` rows below it, the sum of the labels: bound by `label.sum`.
        let aux = advice(config.aux, 0);
        // Sum of the labels, here and at the label before: bound by `label.sum`, which starts at the first label.
        let label_sum = advice(config.aux, plan.label_shift as i32);
        let label_back = advice(config.aux, plan.label_shift as i32 + back);
        // Sum of the lookups, here and a row above: bound by `range.feature` and `range.table`, at both ends by `range.pin`.
        let sum = advice(config.p2_range, 0);
        let sum_before = advice(config.p2_range, -1);
        // Fingerprint, here, a block above, and there of the next sample: bound by `print` beside the features, by `pair.copy`
        // below them.
        let print = advice(config.p2_print, 0);
        let print_back = advice(config.p2_print, back);
        let print_next = advice(config.p2_print, back + 1);
        // Fingerprint of another sample, here and a block above for the next sample: bound by `pair.shift`.
        let shifted = advice(config.p2_shift, 0);
        let shifted_next = advice(config.p2_shift, back + 1);
        // Inverse of a difference: bound by `pair.distinct`.
        let inverse = advice(config.p2_inverse, 0);
        // Fixed columns: bound by the verifying key.
        let mut fixed = |column| meta.query_fixed(column, Rotation::cur());
        let zone = fixed(config.f_zone);
        let feature = fixed(config.q_feature);
        let label = fixed(config.q_label);
        let pin = fixed(config.q_pin);
        let pair = fixed(config.q_pair);
        let table = fixed(config.t_feature);
        // Challenges: bound by the transcript, drawn after the first phase.
        let alpha = meta.query_challenge(config.alpha);
        let upsilon = meta.query_challenge(config.upsilon);

        vec![
            ("hiding.zone", zone.clone() * (zone - one()) * x.clone()),
            ("range.feature", logup::value(&feature, &alpha, sum_before.clone(), sum.clone(), x.clone())),
            ("range.table", logup::table(table, alpha, sum_before, sum.clone(), aux.clone())),
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
