//! The contracts and the generator of verifiers, in the compiler, in Foundry and in revm. One program, so that revm, the
//! reference and the synthetic circuits are compiled and linked once.

mod contracts_compile;
mod contracts_forge;
mod contracts_revm;
mod errors;
mod generator_attacks;
mod generator_precompiles;
mod generator_profiles;
mod generator_transcript;
mod generator_verifier;
#[path = "support/snapshot.rs"]
mod snapshot;
#[path = "support/generator/mod.rs"]
mod support;
