//! Attacks on everything that crosses crates, each with real proofs: on a pool ([`e2e`]), on what proofs hide ([`privacy`]), on
//! the verifiers ([`verifiers`]). One program, so that what they share is compiled and linked once.

mod e2e;
mod privacy;
mod verifiers;
