//! The parties of a zkpoc pool: what a contributor, an operator, an attestor, a finalizer and a watcher do, as a library.
//!
//! Proofs are made by `zkpoc-prover`; this crate keeps what belongs to them on disk, asks and calls the contracts of a pool, and
//! exchanges with other parties what does not go on chain. The command line `zkpoc` is thin over it.
//!
//! # Map
//! | module | content |
//! |---|---|
//! | [`home`] | a party's folder: datasets, seeds, claims, keys, backups, the journal of updates that were given away |
//! | [`data`] | records from CSV, idx and MNIST files, cut into shards |
//! | [`attest`] | attestations: that records are real, and were not counted before |
//! | [`chain`] | the node, transactions, deployments, the calls of a pool, reverts in words |
//! | [`contracts_gen`] | the contracts of a profile, from its verifying keys |
//! | [`contribute`] | the steps of a round: register, validate, claim, finalize; a claim's way through its group |
//! | [`aggregation`] | masks, shares, rosters: the sum of a group without its updates |
//! | [`exchange`] | shares, openings, models, acknowledgements and complaints, in a folder or over HTTP |
//! | [`watch`] | following a pool, and verifying its proofs again |
//! | [`contradiction`] | evidence that ends a pool whose proofs mean nothing |
//! | [`vana`] | the same proofs for pools of Vana's |
//! | [`formats`] | files that other programs read: proofs, claims, evidence, tensors |
//!
//! A step on a pool starts from a [`Site`]: the home, the profile, the reference string and the pool on its chain.
//!
//! # Example
//! A dataset of one shard is committed to and kept in a home; its root is what an attestor signs and the registry stores.
//!
//! ```
//! use zkpoc_circuits::grid::Grid;
//! use zkpoc_circuits::profile::Profile;
//! use zkpoc_circuits::reference::Shard;
//! use zkpoc_client::home::{blinding, Seed};
//! use zkpoc_client::{Dataset, DatasetManifest, Home};
//! use zkpoc_prover::prove::commit_shard;
//! use zkpoc_prover::srs::Srs;
//!
//! let folder = tempfile::tempdir()?;
//! let home = Home::open(Some(folder.path()))?;
//! let profile = Profile::builtin("toy").ok_or("no such profile")?;
//! let srs = Srs::bundled_ceremony(profile.k)?;
//!
//! // Three records of six features, in 0..16, and their classes.
//! let features = vec![1, 2, 3, 4, 5, 6, 15, 0, 15, 0, 15, 0, 9, 9, 9, 0, 0, 0];
//! let shard = Shard { features, labels: vec![0, 2, 1] };
//! // The blinding of a commitment comes from a seed that never leaves the home.
//! let seed = Seed::random();
//! let hidden = blinding(&seed, &profile.id(), 0);
//! let commitment = commit_shard(&srs, &Grid::new(&profile)?, &shard, &hidden)?;
//! let manifest = DatasetManifest::new(&profile, srs.digest(), vec![commitment])?;
//! let root = manifest.root;
//! let dataset = Dataset { manifest, shards: vec![shard], seed };
//!
//! home.save_dataset(&home.lock()?, "mine", &profile, &dataset)?;
//! assert_eq!(home.load_dataset("mine", &profile)?.manifest.root, root);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Errors
//! Every error has a method `kind` that gives its [`ErrorKind`]: what a caller can do about it.
//!
//! # Concurrency
//! Everything is blocking: a [`Client`] owns its runtime, so none of it may be called from an async task.

#![cfg_attr(not(test), warn(unused_crate_dependencies))]
#![forbid(unsafe_code)]

pub mod aggregation;
pub mod attest;
pub mod chain;
pub mod contracts_gen;
pub mod contradiction;
pub mod contribute;
pub mod data;
pub mod exchange;
pub mod formats;
pub mod home;
mod tls;
pub mod vana;
pub mod watch;

#[cfg(test)]
mod kinds;

pub use attest::{Attestor, Audience, SignedAttestation};
pub use chain::{ChainError, Client, Deployment, Mode, Outcome, Pool, PoolClient};
pub use contribute::{ContributeError, Site};
pub use data::Records;
pub use exchange::Source;
pub use formats::bundle::ProofBundle;
pub use home::{Dataset, DatasetManifest, Home};
pub use watch::Watcher;
pub use zkpoc_circuits::ErrorKind;
