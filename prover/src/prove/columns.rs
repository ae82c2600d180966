//! Commitments to a shard's, a model's and an update's columns, outside of any proof.

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::group::Curve;
use rayon::prelude::*;
use zkpoc_circuits::field::signed;
use zkpoc_circuits::grid::Grid;
use zkpoc_circuits::reference::{Model, Shard};

use crate::commit::{commit_column, CommitError};
use crate::scripted::{wipe, Blinding, LINK_ROWS};
use crate::srs::Srs;

/// The commitment to a shard under a blinding.
pub fn commit_shard(srs: &Srs, grid: &Grid, shard: &Shard, blinding: &Blinding) -> Result<G1Affine, CommitError> {
    let mut column: Vec<Fr> = grid.data_column(shard).into_iter().map(Fr::from).collect();
    let first = column.len().saturating_sub(LINK_ROWS);
    column[first..].copy_from_slice(blinding);
    let commitment = commit_column(srs.params(), &column);
    wipe(&mut column);
    commitment
}

/// The points of a model's commitment; anyone computes the same.
pub fn model_commitment(srs: &Srs, grid: &Grid, model: &Model) -> Result<Vec<G1Affine>, CommitError> {
    grid.model_columns(model).iter().map(|column| commit_integers(srs, column, &[])).collect()
}

/// Commits to integers, with the last rows replaced by `tail`. Positive and negative values go
/// separately: a small negative number is a large field element, and costs as much.
pub(super) fn commit_integers(srs: &Srs, column: &[i64], tail: &[Fr]) -> Result<G1Affine, CommitError> {
    let values = |sign: i64| -> Vec<Fr> {
        column.par_iter().map(|value| signed(i128::from((*value).saturating_mul(sign).max(0)))).collect()
    };
    let (mut positive, negative) = (values(1), values(-1));
    let first = positive.len().saturating_sub(tail.len());
    for (cell, value) in positive[first..].iter_mut().zip(tail) {
        *cell += value;
    }
    let positive = G1::from(commit_column(srs.params(), &positive)?);
    Ok((positive - G1::from(commit_column(srs.params(), &negative)?)).to_affine())
}
