//! Proofs of the engine against Halo2's verifier, and its parts against Halo2's definitions.
