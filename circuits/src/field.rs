//! Signed integers as elements of the scalar field.
//!
//! Every value of a circuit is an integer whose absolute value is far below `r/2`
//! (see [`crate::profile::Bounds`]), so the encoding `v -> v mod r` is injective and sums and
//! products of encodings are the encodings of sums and products.

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::PrimeField;

/// Encodes a non-negative integer.
pub fn unsigned(value: u128) -> Fr {
    let low = Fr::from(value as u64);
    match (value >> 64) as u64 {
        0 => low,
        high => low + Fr::from(high) * Fr::from_raw([0, 1, 0, 0]),
    }
}

/// Encodes a signed integer.
pub fn signed(value: i128) -> Fr {
    let magnitude = unsigned(value.unsigned_abs());
    if value < 0 {
        -magnitude
    } else {
        magnitude
    }
}

/// The integer behind an encoding when it is below 2^64, else `None`.
pub fn small(value: &Fr) -> Option<u64> {
    let repr = value.to_repr();
    let bytes = repr.as_ref();
    if bytes[8..].iter().any(|b| *b != 0) {
        return None;
    }
    let mut low = [0u8; 8];
    low.copy_from_slice(&bytes[..8]);
    Some(u64::from_le_bytes(low))
}

/// The signed integer behind an encoding when its magnitude is below 2^127, else `None`.
pub fn small_signed(value: &Fr) -> Option<i128> {
    let magnitude = |value: &Fr| {
        let repr = value.to_repr();
        let (low, high) = repr.as_ref().split_at_checked(16)?;
        let low = i128::from_le_bytes(low.try_into().ok()?);
        (low >= 0 && high.iter().all(|byte| *byte == 0)).then_some(low)
    };
    magnitude(value).or_else(|| magnitude(&-value).map(|low| -low))
}

/// `2^exponent`.
pub fn power_of_two(exponent: u32) -> Fr {
    match exponent {
        0..128 => Fr::from_u128(1 << exponent),
        _ => Fr::from(2).pow_vartime([u64::from(exponent)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_a_ring_homomorphism_on_small_integers() {
        for (a, b) in [(3i128, -7i128), (-(1 << 100), 5), (i128::from(u64::MAX), 2), (0, -1)] {
            assert_eq!(signed(a) + signed(b), signed(a + b));
        }
        assert_eq!(signed(-(1 << 40)) * signed(1 << 50), signed(-(1 << 90)));
    }

    #[test]
    fn small_reads_back_only_what_fits() {
        assert_eq!(small(&Fr::from(77)), Some(77));
        assert_eq!(small(&Fr::from(u64::MAX)), Some(u64::MAX));
        assert_eq!(small(&unsigned(1 << 64)), None);
        assert_eq!(small(&-Fr::ONE), None);
        for value in [0, 1, -1, i128::MAX, -i128::MAX, 77 << 70] {
            assert_eq!(small_signed(&signed(value)), Some(value));
        }
        for value in [unsigned(1 << 127), -unsigned(1 << 127), Fr::TWO_INV] {
            assert_eq!(small_signed(&value), None);
        }
    }
}
