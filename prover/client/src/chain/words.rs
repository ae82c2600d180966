//! Points, scalars and public inputs as the 32-byte words of a contract call.
//!
//! # Errors
//! Words are read with the checks of [`zkpoc_engine::encoding`]: canonical, on the curve, not the identity.

use alloy::primitives::{B256, U256};
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use zkpoc_circuits::kind::CircuitKind;
use zkpoc_contracts::bindings::digests::{commitment_id, DigestError};
use zkpoc_engine::encoding::{point_from_bytes, point_to_bytes, scalar_from_bytes, scalar_to_bytes, PointError};
use zkpoc_prover::verify::VerifyError;

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

/// The word a contract takes for a scalar.
pub fn scalar_to_word(scalar: &Fr) -> U256 {
    U256::from_be_bytes(scalar_to_bytes(scalar))
}

/// Public inputs as the words of a contract call, each below `r`.
pub fn inputs_from_words(kind: CircuitKind, words: &[U256]) -> Result<Vec<Fr>, VerifyError> {
    if words.len() != kind.instances() {
        return Err(VerifyError::Inputs { circuit: kind, expected: kind.instances(), found: words.len() });
    }
    let input = |(index, word): (usize, &U256)| {
        scalar_from_bytes(&word.to_be_bytes()).map_err(|_| VerifyError::Input { index })
    };
    words.iter().enumerate().map(input).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use halo2_proofs::halo2curves::bn256::G1;
    use halo2_proofs::halo2curves::group::{Curve, Group};
    use rand_core::OsRng;

    /// The base field's modulus, big-endian.
    const Q: U256 = U256::from_limbs([0x3c208c16d87cfd47, 0x97816a916871ca8d, 0xb85045b68181585d, 0x30644e72e131a029]);

    #[test]
    fn points_survive_their_words() {
        assert_eq!(point_to_words(&G1Affine::generator()), [U256::from(1), U256::from(2)]);
        for _ in 0..20 {
            let point = G1::random(OsRng).to_affine();
            assert_eq!(point_from_words(point_to_words(&point)), Ok(point));
        }
    }

    #[test]
    fn rejects_words_that_are_not_canonical_on_curve_and_finite() {
        let [x, y] = point_to_words(&G1Affine::generator());
        assert_eq!(point_from_words([x + Q, y]), Err(PointError::NotCanonical { coordinate: 'x' }));
        assert_eq!(point_from_words([x, y + Q]), Err(PointError::NotCanonical { coordinate: 'y' }));
        assert_eq!(point_from_words([x, y + U256::from(1)]), Err(PointError::NotOnCurve));
        assert_eq!(point_from_words([U256::ZERO; 2]), Err(PointError::Identity));
    }
}
