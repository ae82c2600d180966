//! The circuits of zkpoc: an update is what exact training makes of a model on a valid shard, a shard is valid, and the next
//! model comes from the sum of a round's updates.
//!
//! # The three statements
//! | circuit | statement |
//! |---|---|
//! | [`TrainingCircuit`] | the update that a round adds up is what one step, or a local run of several, changes in the round's model on a registered shard; norm and loss are below their bounds |
//! | [`DatasetCircuit`] | a shard's features are in range, its labels are one-hot, no two records have the same features |
//! | [`RoundCircuit`] | the next model is the model minus the rounded mean of the updates times the learning rate |
//!
//! A [`Profile`] fixes everything about them: the network's widths, the bits of every number, the layout. The rule that the
//! circuits prove is written down once in plain integers, in [`reference`](mod@reference); trainers that follow it can be proven.
//!
//! # Map
//! | module | content |
//! |---|---|
//! | [`profile`] | profiles: fields, limits, bounds of every sum, id |
//! | [`reference`](mod@reference), [`quantize`] | the integer trainer: models, shards, updates, a step, a local run, rounding |
//! | [`grid`] | where data, weights and updates sit in the committed columns that all circuits share |
//! | [`training`], [`dataset`], [`round`] | the circuits: each a plan, columns, gates and the columns of its witness |
//! | [`logup`] | range checks: gate, sum and argument for all three |
//! | [`circuit`], [`columns`], [`kind`] | the Halo2 circuit around a definition, its columns, its name |
//! | [`blinding`] | how many openings the random rows of a hiding column stand |
//! | [`instance`] | the table of public inputs |
//! | [`soundness`] | how likely a false statement passes, computed from the circuits |
//! | [`field`], [`error`] | signed integers as field elements; what a caller can do about an error |
//! | `audit` (feature `test-utils`) | a recorder of circuits, and checks that Halo2's mock prover does not make |
//!
//! Each constraint has a name. Its gate file has a table that leads from the name to formula, degree and the test that attacks
//! it, and a comment at each query says what binds the cell; see [`training::gates`].
//!
//! # Example
//! A step of the smallest profile, checked against every gate:
//!
//! ```
//! use halo2_proofs::dev::MockProver;
//! use zkpoc_circuits::training::Phase1;
//! use zkpoc_circuits::{run, Fr, Model, Profile, Shard, TrainingCircuit};
//!
//! let profile = Profile::builtin("toy").ok_or("no such profile")?;
//! let model = Model::random(&profile, [7; 32]);
//! // Three records of six features, in 0..16, and their classes.
//! let features = vec![1, 2, 3, 4, 5, 6, 15, 0, 15, 0, 15, 0, 9, 9, 9, 0, 0, 0];
//! let shard = Shard { features, labels: vec![0, 2, 1] };
//! let trace = run(&profile, &model, &shard)?;
//!
//! // The claim: the update's squared norm is below 2^30, the loss below 2^20.
//! let circuit = TrainingCircuit::new(&profile)?;
//! let witness = Phase1::new(circuit.plan(), &model, &shard, &trace, 30, 20)?;
//! let context = Fr::from(1);
//! let public = vec![context, witness.norm_bound, witness.loss_bound];
//! let mock = MockProver::run(profile.k, &circuit.with_witness(witness), vec![public])?;
//! assert_eq!(mock.verify(), Ok(()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `examples/own_network.rs` goes the whole way with a network of its own; proofs are made by the crate `zkpoc-prover`.
//!
//! # Errors
//! Every error has a method `kind` that gives its [`ErrorKind`]: what a caller can do about it.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(unused_crate_dependencies))]

#[cfg(feature = "test-utils")]
pub mod audit;
pub mod blinding;
pub mod circuit;
pub mod columns;
pub mod dataset;
pub mod error;
mod expr;
pub mod field;
pub mod grid;
pub mod instance;
pub mod kind;
pub mod logup;
pub mod profile;
pub mod quantize;
pub mod reference;
mod rotations;
pub mod round;
pub mod soundness;
pub mod training;

pub use dataset::{DatasetCircuit, DatasetWitness};
pub use error::ErrorKind;
pub use grid::{Grid, LayoutError};
pub use halo2_proofs::halo2curves::bn256::Fr;
pub use kind::{CircuitKind, ProfileCircuit};
pub use profile::{LearningRate, Profile, ProfileError};
pub use reference::{run, step, Model, ReferenceError, RunTrace, Shard, StepTrace, Update};
pub use round::{RoundCircuit, RoundError, RoundWitness};
pub use training::{TrainingCircuit, WitnessError};
