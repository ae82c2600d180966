//! Columns and challenges of the dataset circuit.
//!
//! | column | phase | content |
//! |---|---|---|
//! | `x` | 1, committed, hiding | the shard, see [`crate::grid`] |
//! | `aux` | 1 | multiplicities beside the table; sums of the labels; limbs of the distances of neighbouring keys |
//! | `key` | 1 | sum of a record's features times their coefficients: its key; the keys in order |
//! | `p2_range` | 2 | LogUp sum over the features, over the table, then over the limbs |
//! | `p2_order` | 2 | LogUp sums over the keys, and over the keys in order |
//!
//! The committed column comes first, so its commitment is the first point of a proof.

use super::plan::DatasetPlan;
use crate::columns::FixedCells;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Advice, Challenge, Column, ConstraintSystem, FirstPhase, Fixed, Instance, SecondPhase};

/// Configuration of the dataset circuit.
#[derive(Debug, Clone)]
pub struct DatasetConfig {
    /// The committed data column.
    pub x: Column<Advice>,
    /// Multiplicities, label sums and limbs.
    pub aux: Column<Advice>,
    /// Keys.
    pub key: Column<Advice>,
    /// LogUp sum of features and limbs.
    pub p2_range: Column<Advice>,
    /// LogUp sums of the keys.
    pub p2_order: Column<Advice>,
    /// Zone of the data column: 0 tail, 1 data, 2 padding.
    pub f_zone: Column<Fixed>,
    /// Rows of the data column that are looked up.
    pub q_range: Column<Fixed>,
    /// Feature rows: 1, of the first feature 2.
    pub q_feature: Column<Fixed>,
    /// Fixed number of a feature's coefficient, and one more after the last feature.
    pub f_coefficient: Column<Fixed>,
    /// Label rows of samples: 1, of the first label 2.
    pub q_label: Column<Fixed>,
    /// Rows where the LogUp sum is 0: 1; where the label sum is 1: 2.
    pub q_pin: Column<Fixed>,
    /// Rows of keys.
    pub q_key: Column<Fixed>,
    /// Row before the first lap's keys: 1, before those of another lap: 2.
    pub q_link: Column<Fixed>,
    /// Rows of limbs.
    pub q_limb: Column<Fixed>,
    /// Rows of the keys in order.
    pub q_sorted: Column<Fixed>,
    /// Table value plus one.
    pub t_feature: Column<Fixed>,
    /// Public inputs.
    pub instance: Column<Instance>,
    /// LogUp challenge of features and limbs.
    pub alpha: Challenge,
    /// LogUp challenge of the keys.
    pub beta: Challenge,
}

impl DatasetConfig {
    /// Allocates the columns and challenges.
    pub fn configure(meta: &mut ConstraintSystem<Fr>) -> Self {
        let [x, aux, key] = [(); 3].map(|_| meta.advice_column());
        let [p2_range, p2_order] = [(); 2].map(|_| meta.advice_column_in(SecondPhase));
        let [f_zone, q_range, q_feature, f_coefficient, q_label, q_pin] = [(); 6].map(|_| meta.fixed_column());
        let [q_key, q_link, q_limb, q_sorted, t_feature] = [(); 5].map(|_| meta.fixed_column());
        DatasetConfig {
            x,
            aux,
            key,
            p2_range,
            p2_order,
            f_zone,
            q_range,
            q_feature,
            f_coefficient,
            q_label,
            q_pin,
            q_key,
            q_link,
            q_limb,
            q_sorted,
            t_feature,
            instance: meta.instance_column(),
            alpha: meta.challenge_usable_after(FirstPhase),
            beta: meta.challenge_usable_after(FirstPhase),
        }
    }
}

/// Every non-zero fixed cell: column, row, value.
pub(super) fn fixed_cells(config: &DatasetConfig, plan: &DatasetPlan, out: &mut FixedCells<'_>) {
    let grid = &plan.grid;
    let rows = grid.rows_per_block;
    for (row, zone) in grid.data_zones().into_iter().enumerate() {
        if zone.code() != 0 {
            out.push((config.f_zone, row, zone.code()));
        }
    }
    out.extend(plan.looked_up().map(|row| (config.q_range, row, 1)));
    let labels = grid.layers[grid.depth()];
    for lap in 0..grid.laps {
        let features = plan.features(lap);
        let first = features.start..features.start + rows;
        out.extend(features.clone().map(|row| (config.q_feature, row, if first.contains(&row) { 2 } else { 1 })));
        for row in features.start..features.end + rows {
            out.push((config.f_coefficient, row, plan.coefficient((row - features.start) / rows)));
        }
        for k in 0..labels {
            let first = grid.lap(lap) + grid.row(grid.output(k));
            out.extend((first..first + grid.batch).map(|row| (config.q_label, row, if k == 0 { 2 } else { 1 })));
        }
        let last = grid.lap(lap) + grid.row(grid.output(labels - 1)) + plan.label_shift;
        out.extend((last..last + grid.batch).map(|row| (config.q_pin, row, 2)));
    }
    let (table, limbs) = (plan.table(), plan.order_rows());
    out.extend((table..limbs.start).zip(1..).map(|(row, code)| (config.t_feature, row, code)));
    out.push((config.q_pin, plan.looked_up().start - 1, 1));
    out.push((config.q_pin, limbs.end - 1, 1));
    if plan.records() > 1 {
        for lap in 0..grid.laps {
            out.extend(plan.keys(lap).map(|row| (config.q_key, row, 1)));
            out.push((config.q_link, plan.keys(lap).start - 1, if lap == 0 { 1 } else { 2 }));
        }
        out.extend(limbs.map(|row| (config.q_limb, row, 1)));
        out.extend(plan.sorted().map(|row| (config.q_sorted, row, 1)));
    }
}
