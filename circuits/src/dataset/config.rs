//! Columns and challenges of the dataset circuit.
//!
//! | column | phase | content |
//! |---|---|---|
//! | `x` | 1, committed, hiding | the shard, see [`crate::grid`] |
//! | `aux` | 1 | multiplicities beside the table; sums of the labels |
//! | `p2_range` | 2 | LogUp sum over the features, then over the table |
//! | `p2_print` | 2 | fold of a record over its features: its fingerprint; copies of the fingerprints |
//! | `p2_shift` | 2 | the fingerprints shifted by `1 .. batch-1` samples |
//! | `p2_inverse` | 2 | inverse of each difference of two fingerprints |
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
    /// Multiplicities and label sums.
    pub aux: Column<Advice>,
    /// LogUp sum.
    pub p2_range: Column<Advice>,
    /// Fingerprints and their copies.
    pub p2_print: Column<Advice>,
    /// Shifted fingerprints.
    pub p2_shift: Column<Advice>,
    /// Inverses of differences.
    pub p2_inverse: Column<Advice>,
    /// Zone of the data column: 0 tail, 1 data, 2 padding.
    pub f_zone: Column<Fixed>,
    /// Feature rows: 1, of the first feature 2.
    pub q_feature: Column<Fixed>,
    /// Label rows of samples: 1, of the first label 2.
    pub q_label: Column<Fixed>,
    /// Rows where the LogUp sum is 0: 1; where the label sum is 1: 2.
    pub q_pin: Column<Fixed>,
    /// Rows that compare two fingerprints: 1, neighbours 2.
    pub q_pair: Column<Fixed>,
    /// Table value plus one.
    pub t_feature: Column<Fixed>,
    /// Public inputs.
    pub instance: Column<Instance>,
    /// LogUp challenge.
    pub alpha: Challenge,
    /// Fingerprint challenge.
    pub upsilon: Challenge,
}

impl DatasetConfig {
    /// Allocates the columns and challenges.
    pub fn configure(meta: &mut ConstraintSystem<Fr>) -> Self {
        let [x, aux] = [(); 2].map(|_| meta.advice_column());
        let [p2_range, p2_print, p2_shift, p2_inverse] = [(); 4].map(|_| meta.advice_column_in(SecondPhase));
        let [f_zone, q_feature, q_label, q_pin, q_pair, t_feature] = [(); 6].map(|_| meta.fixed_column());
        DatasetConfig {
            x,
            aux,
            p2_range,
            p2_print,
            p2_shift,
            p2_inverse,
            f_zone,
            q_feature,
            q_label,
            q_pin,
            q_pair,
            t_feature,
            instance: meta.instance_column(),
            alpha: meta.challenge_usable_after(FirstPhase),
            upsilon: meta.challenge_usable_after(FirstPhase),
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
    let features = plan.features();
    out.extend(features.clone().map(|row| (config.q_feature, row, if row < features.start + rows { 2 } else { 1 })));
    let labels = grid.layers[grid.depth()];
    for k in 0..labels {
        let first = grid.row(grid.output(k));
        out.extend((first..first + grid.batch).map(|row| (config.q_label, row, if k == 0 { 2 } else { 1 })));
    }
    let last = grid.row(grid.output(labels - 1));
    let last = last + plan.label_shift;
    out.extend((last..last + grid.batch).map(|row| (config.q_pin, row, 2)));
    let size = 1usize << plan.feature_bits;
    out.extend((0..size).map(|value| (config.t_feature, plan.table() + value, value as u64 + 1)));
    out.push((config.q_pin, features.start - 1, 1));
    out.push((config.q_pin, plan.table() + size - 1, 1));
    for shift in 1..grid.batch {
        out.extend(plan.pairs(shift).map(|row| (config.q_pair, row, if shift == 1 { 2 } else { 1 })));
    }
}
