//! The gates of the dataset circuit, every one of degree three or less.
//!
//! # Constraints
//! `z` is the zone's code: 0 tail, 1 data, 2 padding; `R` are the rows of a block, `H` those of a lap, `B` the records of a lap, `l` the
//! limbs of a distance and `b` the bits of a feature. `S` is the sum of the lookups, `t` a table value and `n` its
//! multiplicity, `L` the sum of a sample's labels, `K` a key or what is on the way to it, `c` the coefficient of a feature, `a` a limb and `O` the sum of the keys.
//!
//! | constraint | rows | degree | formula | attack test |
//! |---|---|---|---|---|
//! | `hiding.zone` | all | 3 | `z(z-1)x = 0`: the data column is 0 on padding; the tail is free | `rejects_values_in_the_padding` |
//! | `range.feature` | from the first features to the table | 3 | `(S - S[-1]) (alpha - x - offset) = 1` | `rejects_forged_multiplicities_and_sums` |
//! | `range.table` | table, which follows | 3 | `(S - S[-1]) (alpha - t) + n = 0` | `rejects_forged_multiplicities_and_sums` |
//! | `range.limb` | limbs, which follow | 3 | `(S - S[-1]) (alpha - a) = 1` | `rejects_limbs_off_the_table` |
//! | `range.pin` | before the first feature, last limb | 3 | `S = 0` | `rejects_features_out_of_range` |
//! | `label.bit` | labels | 3 | `x (x - 1) = 0` | `rejects_labels_that_are_not_one_hot` |
//! | `label.sum` | labels | 3 | `L = L[-R] + x`, at the first label `L = x` | `rejects_forged_label_sums` |
//! | `label.one` | last label | 3 | `L = 1` | `rejects_labels_that_are_not_one_hot` |
//! | `key` | features | 3 | `K = K[-R] + c x`, at the first feature `K = c x` | `rejects_forged_keys` |
//! | `key.sum` | last feature of a record | 3 | `(O - O[-1]) (beta - K) = 1` | `rejects_forged_sums_of_keys` |
//! | `key.start` | before the first lap's keys | 3 | `O = 0` | `rejects_forged_sums_of_keys` |
//! | `key.carry` | before another lap's keys | 3 | `O = O[B-H]`, the sum after the keys of the lap before | `rejects_a_lap_whose_keys_do_not_count` |
//! | `order.top` | first limb | 3 | `K = a` | `rejects_an_order_that_is_not_strict` |
//! | `order.limb` | limbs between | 3 | `K = 2^b K[-1] + a` | `rejects_an_order_that_is_not_strict` |
//! | `order.next` | last limb | 3 | `K = K[-l] + 1 + 2^b K[-1] + a`: a key in order is larger than the one before | `rejects_a_record_that_appears_twice` |
//! | `order.sum` | keys in order | 3 | `(O - O[-l]) (beta - K) = 1` | `rejects_forged_sums_of_keys` |
//! | `order.start` | before the first lap's keys | 3 | `O = 0`, `l` rows before the smallest key | `rejects_forged_sums_of_keys` |
//! | `order.total` | before the first lap's keys | 3 | the sum after the last lap's keys is the one after the last key in order | `rejects_keys_in_order_that_are_not_the_keys` |
//!
//! # Soundness
//! Claim: the data column holds features in range, one-hot labels, no two records with the same features, and 0 elsewhere before
//! the tail.
//!
//! `x` is bound by `hiding.zone`, `range.feature` or `label.bit` in every cell before the tail. `range.feature`, `range.table` and `range.limb`
//! are one contiguous sum that `range.pin` starts and ends at 0: the argument is that of [`crate::logup`]. Between the features the sum looks up
//! labels and padding as well, which are in the table; the table follows the last lap's features. `label.bit`, `label.sum` and
//! `label.one` force exactly one 1 among a sample's labels, as the sum of at most 2^16 bits does
//! not wrap.
//!
//! `key` starts afresh at the first feature of a lap, so `K` on the last feature's rows is the key of each sample: a fixed linear function of the features
//! only, so equal records have equal keys, under whatever labels. `key.sum` adds up `1 / (beta - K)` over all records, from `key.start`
//! in the first lap and from lap to lap by `key.carry`; `order.sum` over the keys in order, from `order.start`; `order.total` says that the
//! sums are equal. As `beta` is drawn after the keys and after their order were committed, the two lists are the same but for their
//! order: as rational functions of `beta` the sums have the same poles with the same residues, which are at most the number of records and so do not wrap.
//! By `order.top`, `order.limb` and `order.next` each key in order is the one before plus an integer in `1 ..= 2^(b l)`, whose limbs
//! `range.limb` looks up. All of them together are below `2^(b l + 20) < r`, so no two keys are equal, and no two records are.
//! Where `beta` is one of the keys no sum exists: the proof fails, which an honest prover sees with a probability below `2^-230`.

use super::config::DatasetConfig;
use super::plan::DatasetPlan;
use crate::expr::{constant, is_one, is_two, Expr};
use crate::field::power_of_two;
use crate::logup;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{ConstraintSystem, VirtualCells};
use halo2_proofs::poly::Rotation;

pub(super) fn create(meta: &mut ConstraintSystem<Fr>, config: &DatasetConfig, plan: &DatasetPlan) {
    let back = -(plan.grid.rows_per_block as i32);
    let limbs = plan.limbs as i32;

    meta.create_gate("dataset", |meta| {
        let mut advice = |column, rotation| meta.query_advice(column, Rotation(rotation));
        // Feature, label or padding: bound by `range.feature`, `label.bit` with `label.one`, or `hiding.zone`.
        let x = advice(config.x, 0);
        // Beside the table a multiplicity: bound by nothing but `range.table` and `range.pin`; any field element will do there.
        // Below the table a limb: bound by `range.limb`, to its number by `order.top`, `order.limb` and `order.next`.
        // Beside the last label, or `label_shift` rows below it, the sum of the labels: bound by `label.sum`.
        let aux = advice(config.aux, 0);
        // Sum of the labels, here and at the label before: bound by `label.sum`, which starts at the first label.
        let label_sum = advice(config.aux, plan.label_shift as i32);
        let label_back = advice(config.aux, plan.label_shift as i32 + back);
        // Sum of the lookups, here and a row above: bound by `range.feature`, `range.table` and `range.limb`, at both ends by
        // `range.pin`.
        let sum = advice(config.p2_range, 0);
        let sum_before = advice(config.p2_range, -1);
        // Key, here and a block above: bound by `key`, which starts at the first feature of a lap. Below the table the number of the
        // limbs so far, here and a row above: bound by `order.top` and `order.limb`; the key in order, here and `l` rows above: bound
        // by `order.next`, the smallest by `order.sum` and `order.total`.
        let key = advice(config.key, 0);
        let key_back = advice(config.key, back);
        let key_above = advice(config.key, -1);
        let key_before = advice(config.key, -limbs);
        // Fixed columns: bound by the verifying key.
        let mut fixed = |column| meta.query_fixed(column, Rotation::cur());
        let zone = fixed(config.f_zone);
        let range = fixed(config.q_range);
        let feature = fixed(config.q_feature);
        let label = fixed(config.q_label);
        let pin = fixed(config.q_pin);
        let limb = fixed(config.q_limb);
        // More fixed columns: bound by the verifying key.
        let in_order = fixed(config.q_sorted);
        let table = fixed(config.t_feature);
        let low = fixed(config.f_coefficient);
        // Fixed cells of the next feature, and of the row above: bound by the verifying key.
        let high = meta.query_fixed(config.f_coefficient, Rotation(-back));
        let after_key = meta.query_fixed(config.q_sorted, Rotation::prev());
        // Challenge: bound by the transcript, drawn after the first phase.
        let alpha = meta.query_challenge(config.alpha);

        let coefficient = low + high * power_of_two(plan.half_bits);
        let shifted = key_above.clone() * power_of_two(plan.feature_bits) + aux.clone();
        let between = constant(1) - in_order.clone() - after_key.clone();
        let looked_up = x.clone() + constant(plan.offset);
        vec![
            ("hiding.zone", zone.clone() * (zone - constant(1)) * x.clone()),
            ("range.feature", logup::value(&range, &alpha, sum_before.clone(), sum.clone(), looked_up)),
            ("range.table", logup::table(table, alpha.clone(), sum_before.clone(), sum.clone(), aux.clone())),
            ("range.limb", logup::value(&limb, &alpha, sum_before, sum.clone(), aux.clone())),
            ("range.pin", is_one(&pin) * sum),
            ("label.bit", label.clone() * x.clone() * (x.clone() - constant(1))),
            ("label.sum", label.clone() * (label_sum - x.clone()) - is_one(&label) * label_back),
            ("label.one", is_two(&pin) * (aux.clone() - constant(1))),
            ("key", feature.clone() * (key.clone() - coefficient * x) - is_one(&feature) * key_back),
            ("order.top", limb.clone() * after_key * (key.clone() - aux)),
            ("order.limb", limb.clone() * between * (key.clone() - shifted.clone())),
            ("order.next", limb * in_order * (key - key_before - constant(1) - shifted)),
        ]
    });
    // A single record has no other to differ from.
    if plan.records() > 1 {
        meta.create_gate("order", |meta| order(meta, config, plan));
    }
}

fn order(meta: &mut VirtualCells<'_, Fr>, config: &DatasetConfig, plan: &DatasetPlan) -> Vec<(&'static str, Expr)> {
    let link = plan.keys(0).start as i32 - 1;
    let limbs = plan.order_rows();
    let mut advice = |column, rotation| meta.query_advice(column, Rotation(rotation));
    // Key, or key in order: bound by `key` or `order.next`, as in the gate `dataset`.
    let key = advice(config.key, 0);
    // Sum of the keys, here and a row above: bound by `key.sum`, from the start that `key.start` and `key.carry` pin.
    let sum = advice(config.p2_order, 0);
    let sum_above = advice(config.p2_order, -1);
    // Sum of the keys in order at the key before: bound by `order.sum`, from the start that `order.start` pins.
    let sum_before = advice(config.p2_order, -(plan.limbs as i32));
    // From the row before a lap's keys, the sum after the keys of the lap before, for the first lap of the last: bound by `key.sum`.
    let turn = match plan.grid.laps {
        1 => plan.grid.batch as i32,
        _ => plan.grid.batch as i32 - plan.grid.height() as i32,
    };
    let carried = advice(config.p2_order, turn);
    // Sum before the smallest key: bound by `order.start`.
    let start = advice(config.p2_order, limbs.start as i32 - 1 - plan.limbs as i32 - link);
    // Sum after the largest key: bound by `order.sum`.
    let end = advice(config.p2_order, limbs.end as i32 - 1 - link);
    // Fixed columns: bound by the verifying key.
    let mut fixed = |column| meta.query_fixed(column, Rotation::cur());
    let keys = fixed(config.q_key);
    let in_order = fixed(config.q_sorted);
    let link = fixed(config.q_link);
    // Challenge: bound by the transcript, drawn after the first phase.
    let beta = meta.query_challenge(config.beta);
    let mut out = Vec::new();
    if plan.grid.laps > 1 {
        out.push(("key.carry", is_two(&link) * (sum.clone() - carried.clone())));
    }
    out.extend([
        ("key.sum", logup::value(&keys, &beta, sum_above, sum.clone(), key.clone())),
        ("key.start", is_one(&link) * sum.clone()),
        ("order.sum", logup::value(&in_order, &beta, sum_before, sum, key)),
        ("order.start", is_one(&link) * start),
        ("order.total", is_one(&link) * (carried - end)),
    ]);
    out
}
