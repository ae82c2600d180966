//! Points and scalars as bytes: the one encoding of proofs, links, files and contract calls.
//!
//! A point is [`POINT_BYTES`] bytes `x || y`, each coordinate 32 bytes big-endian and below the base field's modulus `q`, the form of
//! EIP-196. A scalar is [`SCALAR_BYTES`] bytes big-endian, below the group order `r`.
//!
//! # The identity
//! It is written as 64 zero bytes, as EIP-196 does, and never read: no commitment of this protocol is the identity, and a contract
//! refuses it. A transcript refuses to absorb or write it ([`crate::transcript`]).
//!
//! # Errors
//! [`PointError`] and [`ScalarError`]: whatever is not what the writing function would write is refused.

use halo2_proofs::halo2curves::bn256::{Fq, Fr, G1Affine};
use halo2_proofs::halo2curves::ff::{FromUniformBytes, PrimeField};
use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;
use halo2_proofs::halo2curves::CurveAffine;
use zkpoc_circuits::ErrorKind;

/// Bytes of an encoded scalar, and of one coordinate.
pub const SCALAR_BYTES: usize = 32;
/// Bytes of an encoded point.
pub const POINT_BYTES: usize = 64;

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

impl PointError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }
}

/// A 32-byte value that is not below `r`.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a scalar is not below the group order r")]
pub struct ScalarError;

impl ScalarError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }
}

/// Writes a point as 64 bytes; the identity is all zero, as in EIP-196.
pub fn point_to_bytes(point: &G1Affine) -> [u8; POINT_BYTES] {
    let mut bytes = [0u8; POINT_BYTES];
    bytes[..32].copy_from_slice(&fq_to_bytes(&point.x));
    bytes[32..].copy_from_slice(&fq_to_bytes(&point.y));
    bytes
}

/// Reads 64 bytes as a point on the curve that is not the identity.
pub fn point_from_bytes(bytes: &[u8]) -> Result<G1Affine, PointError> {
    if bytes.len() != POINT_BYTES {
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
    bytes.chunks(POINT_BYTES).map(point_from_bytes).collect()
}

/// Writes a scalar as 32 bytes.
pub fn scalar_to_bytes(scalar: &Fr) -> [u8; SCALAR_BYTES] {
    let mut bytes = [0u8; 32];
    bytes.copy_from_slice(scalar.to_repr().as_ref());
    bytes.reverse();
    bytes
}

/// Reads 32 bytes as a scalar below `r`.
pub fn scalar_from_bytes(bytes: &[u8; SCALAR_BYTES]) -> Result<Fr, ScalarError> {
    let mut repr = <Fr as PrimeField>::Repr::default();
    repr.copy_from_slice(bytes);
    repr.reverse();
    Option::from(Fr::from_repr(repr)).ok_or(ScalarError)
}

/// Reads any 32 bytes as a number and reduces it modulo `r`: how a hash becomes a challenge.
pub fn scalar_from_hash(hash: &[u8; SCALAR_BYTES]) -> Fr {
    let mut wide = [0u8; 64];
    wide[..32].copy_from_slice(hash);
    wide[..32].reverse();
    Fr::from_uniform_bytes(&wide)
}

fn fq_to_bytes(value: &Fq) -> [u8; SCALAR_BYTES] {
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
    use halo2_proofs::arithmetic::Field;
    use halo2_proofs::halo2curves::bn256::G1;
    use halo2_proofs::halo2curves::group::{Curve, Group};
    use rand_core::OsRng;

    /// `number + more`, both big-endian.
    fn plus(number: &[u8], more: u64) -> Vec<u8> {
        let mut bytes = number.to_vec();
        let mut carry = u128::from(more);
        for byte in bytes.iter_mut().rev() {
            carry += u128::from(*byte);
            *byte = carry as u8;
            carry >>= 8;
        }
        bytes
    }

    /// A coordinate's second spelling: itself plus the modulus `q`, that is plus `(q - 1) + 1`.
    fn alias(coordinate: &[u8]) -> Vec<u8> {
        let last = fq_to_bytes(&-Fq::ONE);
        let sum = coordinate.iter().rev().zip(last.iter().rev()).scan(1u16, |carry, (a, b)| {
            let sum = *carry + u16::from(*a) + u16::from(*b);
            *carry = sum >> 8;
            Some(sum as u8)
        });
        let mut bytes: Vec<u8> = sum.collect();
        bytes.reverse();
        bytes
    }

    #[test]
    fn points_survive_their_encoding() {
        let mut two = [0u8; POINT_BYTES];
        (two[31], two[63]) = (1, 2);
        assert_eq!(point_to_bytes(&G1Affine::generator()), two);
        for _ in 0..20 {
            let point = G1::random(OsRng).to_affine();
            assert_eq!(point_from_bytes(&point_to_bytes(&point)), Ok(point));
        }
    }

    #[test]
    fn rejects_points_that_are_not_canonical_on_curve_and_finite() {
        let point = point_to_bytes(&G1Affine::generator());
        let (x, y) = point.split_at(32);
        let read = |x: &[u8], y: &[u8]| point_from_bytes(&[x, y].concat());
        assert_eq!(read(&alias(x), y), Err(PointError::NotCanonical { coordinate: 'x' }));
        assert_eq!(read(x, &alias(y)), Err(PointError::NotCanonical { coordinate: 'y' }));
        assert_eq!(read(x, &plus(y, 1)), Err(PointError::NotOnCurve));
        assert_eq!(point_from_bytes(&[0; 63]), Err(PointError::Length { actual: 63 }));
    }

    #[test]
    fn the_identity_is_written_as_zeros_and_never_read() {
        let bytes = point_to_bytes(&G1Affine::identity());
        assert_eq!(bytes, [0; POINT_BYTES]);
        assert_eq!(point_from_bytes(&bytes), Err(PointError::Identity));
        assert_eq!(points_from_bytes(&bytes), Err(PointError::Identity));
    }

    #[test]
    fn rejects_scalars_not_below_the_order() {
        let last = scalar_to_bytes(&-Fr::ONE);
        assert_eq!(scalar_from_bytes(&last), Ok(-Fr::ONE));
        let word = |bytes: Vec<u8>| <[u8; SCALAR_BYTES]>::try_from(bytes).expect("32 bytes");
        assert_eq!(scalar_from_bytes(&word(plus(&last, 1))), Err(ScalarError));
        assert_eq!(scalar_from_hash(&word(plus(&last, 6))), Fr::from(5));
        assert_eq!(scalar_from_hash(&[0xff; SCALAR_BYTES]), Fr::from(2).pow([256]) - Fr::ONE);
    }
}
