//! Columns of the dataset circuit's two phases.

use super::DatasetPlan;
use crate::field::small;
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
        let table = plan.table();
        for row in plan.features() {
            if let Some(value) = small(&x[row]).filter(|v| *v < 1 << plan.feature_bits) {
                aux[table + value as usize] += Fr::ONE;
            }
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

        let size = 1usize << plan.feature_bits;
        let mut inverses: Vec<Fr> = (0..size).map(|t| alpha - Fr::from(t as u64)).collect();
        inverses.iter_mut().batch_invert();
        let features = plan.features();
        let mut sum = Fr::ZERO;
        for row in features.clone() {
            let x = first.x[row];
            sum += match small(&x).and_then(|v| inverses.get(v as usize)) {
                Some(known) => *known,
                None => (alpha - x).invert().unwrap_or(Fr::ZERO),
            };
            range[row] = sum;
            let before = if row < features.start + rows { Fr::ZERO } else { print[row - rows] };
            print[row] = upsilon * before + x;
        }
        for (t, known) in inverses.iter().enumerate() {
            let row = plan.table() + t;
            sum -= first.aux[row] * known;
            range[row] = sum;
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
