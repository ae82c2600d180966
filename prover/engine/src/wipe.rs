//! Overwriting secrets in memory.

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;

/// Overwrites field elements that were secret.
pub fn wipe(elements: &mut [Fr]) {
    elements.fill(Fr::ZERO);
    // Keeps the writes above from being dropped as dead.
    std::hint::black_box(elements);
}
