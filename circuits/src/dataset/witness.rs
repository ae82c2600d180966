//! Columns of the dataset circuit's two phases.

use super::DatasetPlan;
use crate::field::small;
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
    /// Multiplicities and label sums.
    pub aux: Vec<Fr>,
}

impl DatasetWitness {
    /// Lays out a shard.
    pub fn new(plan: &DatasetPlan, shard: &Shard) -> Self {
        let x = plan.grid.data_column(shard).into_iter().map(Fr::from).collect();
        Self::from_column(plan, x)
    }

    /// Derives the private column from any data column, valid or not.
    pub fn from_column(plan: &DatasetPlan, x: Vec<Fr>) -> Self {
        let grid = &plan.grid;
        let rows = grid.rows_per_block;
        let mut aux = vec![Fr::ZERO; grid.rows()];
        let mut counts = Multiplicities::new(plan.feature_bits);
        plan.features().for_each(|row| counts.count(small(&x[row])));
        for (cell, count) in aux[plan.table()..].iter_mut().zip(counts.into_counts()) {
            *cell = Fr::from(count);
        }
        let mut sums = vec![Fr::ZERO; rows];
        for k in 0..grid.layers[grid.depth()] {
            let first = grid.row(grid.output(k));
            for sample in 0..grid.batch {
                sums[sample] += x[first + sample];
                aux[first + sample + plan.label_shift] = sums[sample];
            }
        }
        DatasetWitness { x, aux }
    }
}

/// Second-phase columns.
#[derive(Debug, Clone)]
pub struct Phase2 {
    /// LogUp sum over the features, then over the table.
    pub range: Vec<Fr>,
    /// Fingerprints and their copies.
    pub print: Vec<Fr>,
    /// Shifted fingerprints.
    pub shift: Vec<Fr>,
    /// Inverses of differences.
    pub inverse: Vec<Fr>,
}

impl Phase2 {
    pub(super) fn new(plan: &DatasetPlan, first: &DatasetWitness, alpha: Fr, upsilon: Fr) -> Self {
        let grid = &plan.grid;
        let rows = grid.rows_per_block;
        let zero = || vec![Fr::ZERO; grid.rows()];
        let (mut range, mut print, mut shift, mut inverse) = (zero(), zero(), zero(), zero());

        let inverses = Inverses::new(alpha, plan.feature_bits);
        let mut sum = inverses.sum();
        let features = plan.features();
        for row in features.clone() {
            let x = first.x[row];
            range[row] = sum.look_up(x);
            let before = if row < features.start + rows { Fr::ZERO } else { print[row - rows] };
            print[row] = upsilon * before + x;
        }
        for (row, value) in (plan.table()..).zip(0..1 << plan.feature_bits) {
            range[row] = sum.table(value, first.aux[row]);
        }
        for distance in 1..grid.batch {
            for row in plan.pairs(distance) {
                print[row] = print[row - rows];
                let source = if distance == 1 { &print } else { &shift };
                shift[row] = source[row + 1 - rows];
                inverse[row] = print[row] - shift[row];
            }
        }
        inverse.iter_mut().batch_invert();
        Phase2 { range, print, shift, inverse }
    }
}
