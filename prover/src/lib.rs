//! Proofs that a training update derives from registered private data: made, verified, written to files; no chain, no network, no
//! command line.
//!
//! # The way through
//! 1. [`Srs`]: a structured reference string of `2^k` rows, from a ceremony or, for development, from this machine.
//! 2. [`ProverKey`] and [`VerifierKey`]: the keys of one of the three circuits of a [`Profile`].
//! 3. [`commit_shard`], [`model_commitment`]: commitments to a shard under a blinding, and to a model.
//! 4. [`statement::prove`] and [`statement::verify`]: a statement such as [`TrainingStatement`] holds everything that a verifier compares.
//!
//! `examples/prove_step.rs` does all of it in twenty lines, `examples/verify_offline.rs` checks a proof from a file.
//!
//! # Map
//! | module | content |
//! |---|---|
//! | [`srs`] | reference strings: made, imported from a ceremony with all checks, kept |
//! | [`keys`] | keys and the folder that keeps verifying keys |
//! | [`commit`], [`blinding`] | commitments to columns, and the random rows that hide them |
//! | [`link`] | proofs that two commitments hold the same shard |
//! | [`statement`] | statements: prove, verify, files |
//! | [`prove`], [`verify`] | what lies beneath: witness and proof of each circuit, strict verification of a proof by itself |
//! | [`fsio`], [`mod@measure`] | files written whole or not at all; time and peak memory |
//!
//! # Example
//! A shard's commitment binds its records and hides them:
//!
//! ```
//! use zkpoc_prover::{commit_shard, random_blinding, Grid, Profile, Shard, Srs};
//!
//! let profile = Profile::builtin("toy").ok_or("no such profile")?;
//! let srs = Srs::bundled_ceremony(profile.k)?;
//! let grid = Grid::new(&profile)?;
//! // Three records of six features below 16, and their classes.
//! let shard = Shard { features: (0..18).map(|i| i % 16).collect(), labels: vec![0, 1, 2] };
//! let (a, b) = (random_blinding(), random_blinding());
//! assert_eq!(commit_shard(&srs, &grid, &shard, &a)?, commit_shard(&srs, &grid, &shard, &a)?);
//! assert_ne!(commit_shard(&srs, &grid, &shard, &a)?, commit_shard(&srs, &grid, &shard, &b)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Errors
//! Each module has an error type of its own; all say what was expected and what was found, and by `kind` what the caller can do:
//! an [`ErrorKind`].

#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(unused_crate_dependencies))]

pub mod blinding;
pub mod commit;
pub mod fsio;
pub mod keys;
pub mod link;
pub mod measure;
pub mod prove;
pub mod srs;
pub mod statement;
pub mod verify;

#[cfg(test)]
mod kinds;

pub use alloy_primitives::B256;
pub use blinding::{random_blinding, Blinding};
pub use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
pub use keys::{KeyCache, KeyError, ProverKey, VerifierKey};
pub use prove::{commit_shard, model_commitment, Buckets, ProveError, ProvingContext, UpdateOpening};
pub use srs::{Srs, SrsError};
pub use statement::{
    DatasetStatement, DatasetWitness, Proof, RoundStatement, RoundWitness, Statement, StatementFile, TrainingStatement,
    TrainingWitness, VerifyingContext,
};
pub use verify::VerifyError;
pub use zkpoc_circuits::{
    CircuitKind, DatasetCircuit, ErrorKind, Grid, Model, Profile, RoundCircuit, Shard, TrainingCircuit, Update,
};
