//! How many openings the random rows of a hiding committed column stand.
//!
//! A proof discloses a committed column's evaluation at each rotation that a gate reads it at, and its commitment; each is one
//! linear equation in the column's cells. It hides while its random rows are more than all equations in them, over all proofs.
//!
//! # Rules
//! | column | random rows | equations | rule for `q` rotations in a proof |
//! |---|---|---|---|
//! | data | [`LINK_ROWS`], fresh in each proof; a link tells only that two columns differ nowhere else | `q` evaluations, the commitment | `q + 2 <= LINK_ROWS` |
//! | update | the blinding rows, the same in the claim and in each sum | `q` evaluations and the commitment; as many of another update where the sum of both, rows included, is known; a round's proof opens their sum, which may be one update, once in each of the `p` places of weights | `q + max(q, p) + 2 <= blinding rows` |
//!
//! Each rule leaves a row to spare. Rotations are counted in the constraint system. All other columns are opened in one proof
//! alone, for which the proving system's own count, the most rotations of a column and three, is enough.
//!
//! # Errors
//! [`LayoutError::Blinding`].
//!
//! # Source
//! Own; what breaks without the rules is measured in `tests/tests/privacy`.

use crate::grid::LayoutError;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Advice, Column, ConstraintSystem};

/// Random rows of a hiding data column, at its very end; a link proof covers exactly these.
pub const LINK_ROWS: usize = 4;

/// Rotations at which gates read a column.
fn openings(cs: &ConstraintSystem<Fr>, column: Column<Advice>) -> usize {
    cs.advice_queries().iter().filter(|(queried, _)| *queried == column).count()
}

fn enough(column: &'static str, openings: usize, need: usize, have: usize) -> Result<(), LayoutError> {
    match need <= have {
        true => Ok(()),
        false => Err(LayoutError::Blinding { column, openings, need, have }),
    }
}

/// Checks a circuit's data column.
pub(crate) fn data(cs: &ConstraintSystem<Fr>, column: Column<Advice>) -> Result<(), LayoutError> {
    let openings = openings(cs, column);
    enough("the data column", openings, openings + 2, LINK_ROWS)
}

/// Checks the update's columns, each with as many places that hold an update.
pub(crate) fn updates(
    cs: &ConstraintSystem<Fr>,
    columns: impl IntoIterator<Item = Column<Advice>>,
    places: usize,
) -> Result<(), LayoutError> {
    let rows = cs.blinding_factors() + 1;
    columns.into_iter().try_for_each(|column| {
        let openings = openings(cs, column);
        enough("an update column", openings, openings.max(places) + openings + 2, rows)
    })
}
