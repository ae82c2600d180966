//! Commitments to a shard's, a model's and an update's columns, outside of any proof.

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::group::Curve;
use zkpoc_circuits::field::signed;
use zkpoc_circuits::grid::Grid;
use zkpoc_circuits::reference::{Model, Shard};

use crate::blinding::{Blinding, LINK_ROWS};
use crate::commit::CommitError;
use crate::srs::Srs;
use zkpoc_engine::arith;
use zkpoc_engine::commit::commit;
use zkpoc_engine::wipe;

/// The commitment to a shard under a blinding.
pub fn commit_shard(srs: &Srs, grid: &Grid, shard: &Shard, blinding: &Blinding) -> Result<G1Affine, CommitError> {
    let mut column: Vec<Fr> = grid.data_column(shard).into_iter().map(|value| signed(value.into())).collect();
    let first = column.len().saturating_sub(LINK_ROWS);
    column[first..].copy_from_slice(blinding);
    let commitment = match column.len() {
        rows if rows == srs.powers().len() => Ok(commit(&column, &srs.lagrange()).to_affine()),
        actual => Err(CommitError::Length { expected: srs.powers().len(), actual }),
    };
    wipe(&mut column);
    commitment
}

/// The points of a model's commitment; anyone computes the same.
pub fn model_commitment(srs: &Srs, grid: &Grid, model: &Model) -> Result<Vec<G1Affine>, CommitError> {
    grid.model_columns(model).iter().map(|column| commit_integers(srs, column, &[])).collect()
}

/// Commits to integers, to the last of which `tail` is added.
pub(super) fn commit_integers(srs: &Srs, column: &[i64], tail: &[Fr]) -> Result<G1Affine, CommitError> {
    let bases = srs.lagrange();
    if column.len() != bases.len() || tail.len() > bases.len() {
        return Err(CommitError::Length { expected: bases.len(), actual: column.len().max(tail.len()) });
    }
    let tail = arith::msm(tail, &bases[bases.len() - tail.len()..]);
    Ok((arith::msm_small(column, &bases) + tail).to_affine())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::commit_column;
    use halo2_proofs::arithmetic::Field;
    use rand_core::OsRng;
    use zkpoc_circuits::field::signed;

    #[test]
    fn integers_and_a_tail_are_committed_to_as_the_library_does() {
        let srs = Srs::dev_insecure(6).expect("string");
        let column: Vec<i64> = (0..64).map(|row| if row < 60 { (row - 30) * 1_000_003 } else { 0 }).collect();
        let tail: Vec<Fr> = (0..4).map(|_| Fr::random(OsRng)).collect();
        let mut cells: Vec<Fr> = column.iter().map(|cell| signed(i128::from(*cell))).collect();
        cells[60..].copy_from_slice(&tail);
        assert_eq!(commit_integers(&srs, &column, &tail), commit_column(srs.params(), &cells));
        assert_eq!(commit_integers(&srs, &column[1..], &[]), Err(CommitError::Length { expected: 64, actual: 63 }));
    }
}
