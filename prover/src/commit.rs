//! Commitments to columns, and points and scalars in the form the contracts read.
//!
//! A column is the vector of a Halo2 column's `n = 2^k` cells, blinding rows included; its
//! commitment is `sum_i column[i] * [L_i(tau)]_1`. It is the point that a proof carries for the
//! column, so it can be recomputed, compared and added outside of any proof.
//!
//! # Encodings
//! A point is 64 bytes `x || y`, each 32 bytes big-endian and below the base field's modulus, the
//! form of EIP-196. A scalar is 32 bytes big-endian, below `r`. Reading refuses everything else,
//! the identity included: no commitment of this protocol is the identity.
//!
//! # Errors
//! [`CommitError`] for columns of the wrong length, [`PointError`] and [`ScalarError`] for
//! encodings.

use alloy::primitives::{B256, U256};
use halo2_proofs::arithmetic::{kate_division, Field};
use halo2_proofs::halo2curves::bn256::{Bn256, Fq, Fr, G1Affine, G1};
use halo2_proofs::halo2curves::ff::PrimeField;
use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;
use halo2_proofs::halo2curves::group::Curve;
use halo2_proofs::halo2curves::CurveAffine;
use halo2_proofs::poly::commitment::{Blind, Params};
use halo2_proofs::poly::kzg::commitment::ParamsKZG;
use halo2_proofs::poly::EvaluationDomain;
use zkpoc_contracts::bindings::digests::{commitment_id, DigestError};

use crate::arith::{self, Domain};
use crate::scripted::wipe;
use crate::srs::Srs;

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

/// An encoding that is not a commitment.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum PointError {
    /// Not 64 bytes.
    #[error("a point has {actual} bytes, 64 are expected")]
    Length {
        /// Bytes given.
        actual: usize,
    },
    /// A coordinate is not below the modulus of the base field.
    #[error("coordinate {coordinate} of a point is not below the field's modulus")]
    NotCanonical {
        /// `x` or `y`.
        coordinate: char,
    },
    /// The coordinates do not satisfy `y^2 = x^3 + 3`.
    #[error("a point is not on the curve")]
    NotOnCurve,
    /// The identity, which is no commitment.
    #[error("a point is the identity")]
    Identity,
}

/// A 32-byte value that is not below `r`.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a scalar is not below the group order r")]
pub struct ScalarError;

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

/// Writes a point as 64 bytes; the identity is all zero, as in EIP-196.
pub fn point_to_bytes(point: &G1Affine) -> [u8; 64] {
    let mut bytes = [0u8; 64];
    bytes[..32].copy_from_slice(&fq_to_bytes(&point.x));
    bytes[32..].copy_from_slice(&fq_to_bytes(&point.y));
    bytes
}

/// Reads 64 bytes as a point on the curve that is not the identity.
pub fn point_from_bytes(bytes: &[u8]) -> Result<G1Affine, PointError> {
    if bytes.len() != 64 {
        return Err(PointError::Length { actual: bytes.len() });
    }
    let x = fq_from_bytes(&bytes[..32]).ok_or(PointError::NotCanonical { coordinate: 'x' })?;
    let y = fq_from_bytes(&bytes[32..]).ok_or(PointError::NotCanonical { coordinate: 'y' })?;
    let point = G1Affine { x, y };
    if bool::from(point.is_identity()) {
        return Err(PointError::Identity);
    }
    if !bool::from(point.is_on_curve()) {
        return Err(PointError::NotOnCurve);
    }
    Ok(point)
}

/// Reads points that lie one behind the other, each with the checks of [`point_from_bytes`].
pub fn points_from_bytes(bytes: &[u8]) -> Result<Vec<G1Affine>, PointError> {
    bytes.chunks(64).map(point_from_bytes).collect()
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

/// The coordinates as the two words a contract takes.
pub fn point_to_words(point: &G1Affine) -> [U256; 2] {
    let bytes = point_to_bytes(point);
    [U256::from_be_slice(&bytes[..32]), U256::from_be_slice(&bytes[32..])]
}

/// The point behind two words of a contract, with the checks of [`point_from_bytes`].
pub fn point_from_words(words: [U256; 2]) -> Result<G1Affine, PointError> {
    let mut bytes = [0u8; 64];
    bytes[..32].copy_from_slice(&words[0].to_be_bytes::<32>());
    bytes[32..].copy_from_slice(&words[1].to_be_bytes::<32>());
    point_from_bytes(&bytes)
}

/// Id of a model's or an update's commitment, as the contracts compute it from the points in a proof.
pub fn points_id(points: &[G1Affine]) -> Result<B256, DigestError> {
    commitment_id(&points.iter().flat_map(point_to_bytes).collect::<Vec<u8>>())
}

/// Writes a scalar as 32 bytes.
pub fn scalar_to_bytes(scalar: &Fr) -> [u8; 32] {
    let mut bytes = [0u8; 32];
    bytes.copy_from_slice(scalar.to_repr().as_ref());
    bytes.reverse();
    bytes
}

/// Reads 32 bytes as a scalar below `r`.
pub fn scalar_from_bytes(bytes: &[u8; 32]) -> Result<Fr, ScalarError> {
    let mut repr = <Fr as PrimeField>::Repr::default();
    repr.copy_from_slice(bytes);
    repr.reverse();
    Option::from(Fr::from_repr(repr)).ok_or(ScalarError)
}

/// The word a contract takes for a scalar.
pub fn scalar_to_word(scalar: &Fr) -> U256 {
    U256::from_be_bytes(scalar_to_bytes(scalar))
}

/// Reads any 32 bytes as a number and reduces it modulo `r`: how a hash becomes a challenge.
pub fn scalar_from_hash(hash: &[u8; 32]) -> Fr {
    use halo2_proofs::halo2curves::ff::FromUniformBytes;
    let mut wide = [0u8; 64];
    wide[..32].copy_from_slice(hash);
    wide[..32].reverse();
    Fr::from_uniform_bytes(&wide)
}

fn fq_to_bytes(value: &Fq) -> [u8; 32] {
    let mut bytes = [0u8; 32];
    bytes.copy_from_slice(value.to_repr().as_ref());
    bytes.reverse();
    bytes
}

fn fq_from_bytes(bytes: &[u8]) -> Option<Fq> {
    let mut repr = <Fq as PrimeField>::Repr::default();
    repr.copy_from_slice(bytes);
    repr.reverse();
    Fq::from_repr(repr).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use halo2_proofs::halo2curves::bn256::G1;
    use halo2_proofs::halo2curves::group::Group;
    use rand_core::OsRng;

    /// The base field's modulus, big-endian.
    const Q: U256 = U256::from_limbs([0x3c208c16d87cfd47, 0x97816a916871ca8d, 0xb85045b68181585d, 0x30644e72e131a029]);

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

    #[test]
    fn points_survive_both_encodings() {
        let generator = G1Affine::generator();
        assert_eq!(point_to_words(&generator), [U256::from(1), U256::from(2)]);
        for _ in 0..20 {
            let point = G1::random(OsRng).to_affine();
            assert_eq!(point_from_bytes(&point_to_bytes(&point)), Ok(point));
            assert_eq!(point_from_words(point_to_words(&point)), Ok(point));
        }
    }

    #[test]
    fn rejects_points_that_are_not_canonical_on_curve_and_finite() {
        let [x, y] = point_to_words(&G1Affine::generator());
        assert_eq!(point_from_words([x + Q, y]), Err(PointError::NotCanonical { coordinate: 'x' }));
        assert_eq!(point_from_words([x, y + Q]), Err(PointError::NotCanonical { coordinate: 'y' }));
        assert_eq!(point_from_words([x, y + U256::from(1)]), Err(PointError::NotOnCurve));
        assert_eq!(point_from_words([U256::ZERO; 2]), Err(PointError::Identity));
        assert_eq!(point_from_bytes(&[0; 63]), Err(PointError::Length { actual: 63 }));
    }

    #[test]
    fn rejects_scalars_not_below_the_order() {
        let last = scalar_to_word(&-Fr::ONE);
        assert_eq!(scalar_from_bytes(&last.to_be_bytes()), Ok(-Fr::ONE));
        let order: U256 = last + U256::from(1);
        assert_eq!(scalar_from_bytes(&order.to_be_bytes()), Err(ScalarError));
        assert_eq!(scalar_from_hash(&(order + U256::from(5)).to_be_bytes()), Fr::from(5));
        assert_eq!(scalar_from_hash(&U256::MAX.to_be_bytes()), {
            let two = Fr::from(2);
            two.pow([256]) - Fr::ONE
        });
    }
}
