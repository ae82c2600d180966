//! Commitments to columns, outside of any proof.
//!
//! A column is the vector of a Halo2 column's `n = 2^k` cells, blinding rows included; its
//! commitment is `sum_i column[i] * [L_i(tau)]_1`. It is the point that a proof carries for the
//! column, so it can be recomputed, compared and added outside of any proof.
//!
//! # Errors
//! [`CommitError`] for columns of the wrong length.

use crate::srs::Srs;
use halo2_proofs::arithmetic::{kate_division, Field};
use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1Affine, G1};
use halo2_proofs::halo2curves::group::Curve;
use halo2_proofs::poly::commitment::{Blind, Params};
use halo2_proofs::poly::kzg::commitment::ParamsKZG;
use halo2_proofs::poly::EvaluationDomain;
use zkpoc_circuits::ErrorKind;
use zkpoc_engine::arith::{self, Domain};
use zkpoc_engine::encoding::{points_from_bytes, PointError};
use zkpoc_engine::wipe;

/// A column that the parameters cannot commit to.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CommitError {
    /// Not one value for each row.
    #[error("a column has {actual} values, the parameters have {expected} rows")]
    Length {
        /// Rows of the parameters.
        expected: usize,
        /// Values given.
        actual: usize,
    },
    /// No such row.
    #[error("row {row} of {rows}")]
    Row {
        /// Rows of the parameters.
        rows: usize,
        /// Row asked for.
        row: usize,
    },
}

impl CommitError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }
}

/// Commits to a whole column.
pub fn commit_column(params: &ParamsKZG<Bn256>, column: &[Fr]) -> Result<G1Affine, CommitError> {
    let rows = params.n() as usize;
    if column.len() != rows {
        return Err(CommitError::Length { expected: rows, actual: column.len() });
    }
    let domain = EvaluationDomain::<Fr>::new(1, params.k());
    let values = domain.lagrange_from_vec(column.to_vec());
    Ok(params.commit_lagrange(&values, Blind::default()).to_affine())
}

/// `[L_row(tau)]_1`, the commitment to the unit vector of a row.
pub fn lagrange_basis(params: &ParamsKZG<Bn256>, row: usize) -> Result<G1Affine, CommitError> {
    let rows = params.n() as usize;
    if row >= rows {
        return Err(CommitError::Row { rows, row });
    }
    // The parameters keep this basis to themselves; a unit vector reads one element of it.
    let mut unit = vec![Fr::ZERO; rows];
    unit[row] = Fr::ONE;
    commit_column(params, &unit)
}

/// The sum of committed columns, point by point; each item is as many encoded points as there are `columns`.
pub fn sum_of_points<'a>(
    columns: usize,
    encoded: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<G1Affine>, PointError> {
    let mut sums = vec![G1::default(); columns];
    for bytes in encoded {
        for (sum, point) in sums.iter_mut().zip(points_from_bytes(bytes)?) {
            *sum += point;
        }
    }
    Ok(sums.iter().map(|sum| sum.to_affine()).collect())
}

/// The opening of a column's commitment at a point: `[(p(tau) - p(z)) / (tau - z)]_1` for the polynomial `p` whose values on the domain
/// are the cells. `column` has as many cells as the string has rows.
///
/// Source: Kate, Zaverucha, Goldberg, ASIACRYPT 2010.
pub fn open_column(srs: &Srs, mut column: Vec<Fr>, z: Fr) -> Result<G1Affine, CommitError> {
    let (powers, actual) = (srs.powers(), column.len());
    if actual != powers.len() {
        return Err(CommitError::Length { expected: powers.len(), actual });
    }
    Domain::new(srs.k()).interpolate(&mut column);
    let quotient = kate_division(&column[..], z);
    wipe(&mut column);
    Ok(arith::msm(&quotient, &powers[..quotient.len()]).to_affine())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::OsRng;

    #[test]
    fn a_commitment_is_the_sum_of_basis_points() {
        let params = ParamsKZG::<Bn256>::setup(4, OsRng);
        let column: Vec<Fr> = (0..16).map(|_| Fr::random(OsRng)).collect();
        let sum =
            (0..16).fold(G1::default(), |sum, row| sum + lagrange_basis(&params, row).expect("row") * column[row]);
        assert_eq!(commit_column(&params, &column).expect("column"), sum.to_affine());
    }

    #[test]
    fn rejects_columns_and_rows_of_another_size() {
        let params = ParamsKZG::<Bn256>::setup(4, OsRng);
        assert_eq!(commit_column(&params, &[Fr::ONE; 15]), Err(CommitError::Length { expected: 16, actual: 15 }));
        assert_eq!(lagrange_basis(&params, 16), Err(CommitError::Row { rows: 16, row: 16 }));
    }
}
