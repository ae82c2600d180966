//! Columns of the dataset circuit's two phases.

use super::DatasetPlan;
use crate::field::{signed, small, small_signed};
use crate::logup::{Inverses, Multiplicities};
use crate::reference::Shard;
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::BatchInvert;

/// First-phase columns, each of `2^k` rows; blinding rows are overwritten by the prover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetWitness {
    /// The data column.
    pub x: Vec<Fr>,
    /// Multiplicities, label sums and limbs.
    pub aux: Vec<Fr>,
    /// Keys.
    pub key: Vec<Fr>,
}

impl DatasetWitness {
    /// Lays out a shard.
    pub fn new(plan: &DatasetPlan, shard: &Shard) -> Self {
        let x = plan.grid.data_column(shard).into_iter().map(|value| signed(value.into())).collect();
        Self::from_column(plan, x)
    }

    /// Derives the private columns from any data column, valid or not.
    pub fn from_column(plan: &DatasetPlan, x: Vec<Fr>) -> Self {
        let grid = &plan.grid;
        let mut aux = vec![Fr::ZERO; grid.rows()];
        let mut sums = vec![Fr::ZERO; grid.batch];
        for lap in 0..grid.laps {
            sums.fill(Fr::ZERO);
            for k in 0..grid.layers[grid.depth()] {
                let first = grid.lap(lap) + grid.row(grid.output(k));
                for (sample, sum) in sums.iter_mut().enumerate() {
                    *sum += x[first + sample];
                    aux[first + sample + plan.label_shift] = *sum;
                }
            }
        }
        let mut witness = DatasetWitness { key: keys(plan, &x), x, aux };
        let sorted = witness.sorted_keys(plan);
        witness.put_order(plan, &sorted);
        witness.count(plan);
        witness
    }

    /// The records' keys, the smallest first. Of a column that is no shard's some may be no integers; these come last.
    pub fn sorted_keys(&self, plan: &DatasetPlan) -> Vec<Fr> {
        let rows = (0..plan.grid.laps).flat_map(|lap| plan.keys(lap));
        let mut keys: Vec<Fr> = rows.map(|row| self.key[row]).collect();
        keys.sort_by_cached_key(|key| small_signed(key).unwrap_or(i128::MAX));
        keys
    }

    /// Puts keys in any order below the table, with the limbs of their distances. A distance below 1 has none, and gets those of 1.
    pub fn put_order(&mut self, plan: &DatasetPlan, keys: &[Fr]) {
        let bits = plan.feature_bits;
        let mask = (1 << bits) - 1;
        for ((i, row), key) in plan.sorted().enumerate().zip(keys) {
            self.key[row] = *key;
            let Some(before) = i.checked_sub(1).and_then(|i| keys.get(i)) else { continue };
            let distance = small_signed(&(*key - *before - Fr::ONE)).map_or(0, |d| u128::try_from(d).unwrap_or(0));
            let first = row + 1 - plan.limbs;
            for limb in 0..plan.limbs {
                let rest = distance >> (bits * (plan.limbs - 1 - limb) as u32);
                self.aux[first + limb] = Fr::from((rest & mask) as u64);
                if first + limb < row {
                    self.key[first + limb] = signed(rest as i128);
                }
            }
        }
    }

    /// Counts the looked-up values; what is off the table is not counted.
    pub fn count(&mut self, plan: &DatasetPlan) {
        let mut counts = Multiplicities::new(plan.feature_bits);
        let offset = Fr::from(plan.offset);
        plan.looked_up().for_each(|row| counts.count(small(&(self.x[row] + offset))));
        plan.order_rows().for_each(|row| counts.count(small(&self.aux[row])));
        for (cell, count) in self.aux[plan.table()..].iter_mut().zip(counts.into_counts()) {
            *cell = Fr::from(count);
        }
    }
}

/// The key column beside the features.
fn keys(plan: &DatasetPlan, x: &[Fr]) -> Vec<Fr> {
    let rows = plan.grid.rows_per_block;
    let scale = Fr::from(1 << plan.half_bits);
    let fixed = |j| Fr::from(plan.coefficient(j));
    let coefficients: Vec<Fr> = (0..plan.grid.layers[0]).map(|j| fixed(j) + scale * fixed(j + 1)).collect();
    let mut key = vec![Fr::ZERO; plan.grid.rows()];
    for lap in 0..plan.grid.laps {
        let first = plan.features(lap).start;
        for (j, coefficient) in coefficients.iter().enumerate() {
            for row in first + j * rows..first + (j + 1) * rows {
                let before = if j == 0 { Fr::ZERO } else { key[row - rows] };
                key[row] = if x[row] == Fr::ZERO { before } else { before + *coefficient * x[row] };
            }
        }
    }
    key
}

/// Second-phase columns.
#[derive(Debug, Clone)]
pub struct Phase2 {
    /// LogUp sum over the features, over the table, then over the limbs.
    pub range: Vec<Fr>,
    /// LogUp sums of the keys, and of the keys in order.
    pub order: Vec<Fr>,
}

impl Phase2 {
    pub(super) fn new(plan: &DatasetPlan, first: &DatasetWitness, alpha: Fr, beta: Fr) -> Self {
        let zero = || vec![Fr::ZERO; plan.grid.rows()];
        let (mut range, mut order) = (zero(), zero());
        let inverses = Inverses::new(alpha, plan.feature_bits);
        let mut sum = inverses.sum();
        let offset = Fr::from(plan.offset);
        for row in plan.looked_up() {
            range[row] = sum.look_up(first.x[row] + offset);
        }
        for (row, value) in (plan.table()..).zip(0..1 << plan.feature_bits) {
            range[row] = sum.table(value, first.aux[row]);
        }
        for row in plan.order_rows() {
            range[row] = sum.look_up(first.aux[row]);
        }
        if plan.records() > 1 {
            let rows: Vec<usize> = (0..plan.grid.laps).flat_map(|lap| plan.keys(lap)).chain(plan.sorted()).collect();
            // No inverse with probability 1/r; then the proof fails and is made anew.
            let mut terms: Vec<Fr> = rows.iter().map(|row| beta - first.key[*row]).collect();
            terms.iter_mut().batch_invert();
            let (mut sum, count) = (Fr::ZERO, plan.records());
            for (i, (row, term)) in rows.into_iter().zip(terms).enumerate() {
                if i == count {
                    sum = Fr::ZERO;
                } else if i < count && i % plan.grid.batch == 0 {
                    order[row - 1] = sum;
                }
                sum += term;
                order[row] = sum;
            }
        }
        Phase2 { range, order }
    }
}
