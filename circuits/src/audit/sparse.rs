//! Gaussian elimination of sparse rows over the scalar field.

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Coefficient of each variable; none is zero.
pub(super) type Row = BTreeMap<usize, Fr>;

/// Rows in echelon form: a row holds no pivot of a row before it.
pub(super) struct Echelon<P> {
    rows: Vec<(usize, Row)>,
    row_of: HashMap<usize, usize>,
    priority: P,
}

impl<P: Fn(usize) -> u8> Echelon<P> {
    /// No rows. Among the variables of a row the one of least `priority` becomes its pivot.
    pub(super) fn new(priority: P) -> Self {
        Echelon { rows: Vec::new(), row_of: HashMap::new(), priority }
    }

    pub(super) fn is_pivot(&self, var: usize) -> bool {
        self.row_of.contains_key(&var)
    }

    /// The row without pivots.
    pub(super) fn reduce(&self, mut row: Row) -> Row {
        let mut pending: BTreeSet<usize> = row.keys().filter_map(|var| self.row_of.get(var).copied()).collect();
        // A row holds pivots of later rows only, so each is taken once.
        while let Some(at) = pending.pop_first() {
            let (pivot, other) = &self.rows[at];
            let Some(by) = row.remove(pivot) else { continue };
            for (var, value) in other.iter().filter(|(var, _)| *var != pivot) {
                let cell = row.entry(*var).or_insert(Fr::ZERO);
                *cell -= by * value;
                if *cell == Fr::ZERO {
                    row.remove(var);
                } else if let Some(later) = self.row_of.get(var) {
                    pending.insert(*later);
                }
            }
        }
        row
    }

    /// Adds a row unless it follows from the others.
    pub(super) fn insert(&mut self, row: Row) {
        let mut row = self.reduce(row);
        let Some(pivot) = row.keys().copied().min_by_key(|var| ((self.priority)(*var), *var)) else { return };
        // invariant: rows hold no zeros.
        let inverse = row[&pivot].invert().unwrap_or(Fr::ONE);
        row.values_mut().for_each(|value| *value *= inverse);
        self.row_of.insert(pivot, self.rows.len());
        self.rows.push((pivot, row));
    }

    /// All rows, each without the pivots of the others and without its own.
    pub(super) fn reduced(&self) -> Vec<Row> {
        let rest = |(pivot, row): &(usize, Row)| {
            let mut row = row.clone();
            row.remove(pivot);
            self.reduce(row)
        };
        self.rows.iter().map(rest).collect()
    }
}
