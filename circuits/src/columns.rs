//! Circuits as columns: what a prover needs of a circuit, without cells, regions or layouters.
//!
//! Every circuit here has one region that starts at row 0, so its witness is a list of columns. A
//! prover reads them directly; `assign` puts the same columns into Halo2's region, for keys, the
//! mock prover and the audits. There is one source of each cell.
//!
//! # Shapes
//! A column has `2^k` rows. Its last rows, as many as the constraint system has blinding factors
//! plus one, belong to the prover: whatever a circuit puts there is overwritten. Columns come in
//! the order in which the constraint system declares them; first-phase columns are declared first.

use crate::expr::put;
use halo2_proofs::circuit::Region;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Advice, Challenge, Circuit, Column, Fixed};
use std::borrow::Cow;

/// The columns and challenges of a circuit's configuration, in the order of declaration.
#[derive(Debug, Clone)]
pub struct Declared {
    /// Advice columns of the first phase.
    pub first: Vec<Column<Advice>>,
    /// Advice columns of the second phase.
    pub second: Vec<Column<Advice>>,
    /// Challenges, all drawn between the phases.
    pub challenges: Vec<Challenge>,
    /// Rows at the end of each column that the prover fills.
    pub blinding_rows: usize,
}

/// What takes fixed cells one by one, column, row and value: there are as many as rows in all columns, too many for a list.
pub struct FixedCells<'a>(&'a mut dyn FnMut(Column<Fixed>, usize, u64));

impl std::fmt::Debug for FixedCells<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FixedCells(..)")
    }
}

impl<'a> FixedCells<'a> {
    /// Cells go to `put`.
    pub fn new(put: &'a mut dyn FnMut(Column<Fixed>, usize, u64)) -> Self {
        Self(put)
    }

    /// Puts a cell.
    pub fn push(&mut self, (column, row, value): (Column<Fixed>, usize, u64)) {
        (self.0)(column, row, value);
    }
}

impl Extend<(Column<Fixed>, usize, u64)> for FixedCells<'_> {
    fn extend<T: IntoIterator<Item = (Column<Fixed>, usize, u64)>>(&mut self, cells: T) {
        cells.into_iter().for_each(|cell| self.push(cell));
    }
}

/// A circuit whose witness is a list of columns.
pub trait Columns: Circuit<Fr> {
    /// Columns and challenges of a configuration.
    fn declared(config: &Self::Config) -> Declared;

    /// Puts every non-zero fixed cell; of those put twice, the last counts.
    fn fixed_cells(&self, config: &Self::Config, out: &mut FixedCells<'_>);

    /// The columns of the first phase; `None` without a witness.
    fn first_phase(&self) -> Option<Vec<Cow<'_, [Fr]>>>;

    /// The columns of the second phase for these challenges; `None` without a witness.
    fn second_phase(&self, challenges: &[Fr]) -> Option<Vec<Vec<Fr>>>;

    /// Gives the columns of the first phase away; `None` without a witness.
    fn into_first_phase(self) -> Option<Vec<Vec<Fr>>>
    where
        Self: Sized;
}

/// Assigns a circuit's columns in a region that starts at row 0.
pub(crate) fn assign<C: Columns>(circuit: &C, config: &C::Config, region: &mut Region<'_, Fr>) {
    circuit.fixed_cells(
        config,
        &mut FixedCells::new(&mut |column, row, value| {
            region.assign_fixed(column, row, Fr::from(value));
        }),
    );
    let Some(first) = circuit.first_phase() else { return };
    let declared = C::declared(config);
    put_all(region, &declared.first, &first, declared.blinding_rows);
    region.next_phase();
    let challenge = |challenge: &Challenge| {
        // A challenge that is not drawn yet has any value; what is computed from it is not used.
        let mut value = Fr::from(3);
        region.get_challenge(*challenge).map(|drawn| value = drawn);
        value
    };
    let challenges: Vec<Fr> = declared.challenges.iter().map(challenge).collect();
    let second = circuit.second_phase(&challenges).unwrap_or_default();
    let second: Vec<Cow<'_, [Fr]>> = second.into_iter().map(Cow::Owned).collect();
    put_all(region, &declared.second, &second, declared.blinding_rows);
}

fn put_all(region: &mut Region<'_, Fr>, columns: &[Column<Advice>], values: &[Cow<'_, [Fr]>], blinding_rows: usize) {
    for (column, values) in columns.iter().zip(values) {
        put(region, *column, &values[..values.len().saturating_sub(blinding_rows)]);
    }
}
