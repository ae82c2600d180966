//! Vana's pools: files of their registry, adapters that pay on proofs, and what a contributor does with them.
//!
//! | module | content |
//! |---|---|
//! | [`adapter`] | a deployed adapter as seen from here |
//! | [`claim`] | a file is proven to stand for a shard, and paid |
//! | [`mod@deploy`] | bringing adapters on chain |
//! | [`report`] | the proof of contribution as Vana's template writes it |
//!
//! # Soundness
//! The contracts decide. A proof's context is the training circuit's, with the adapter for the rounds contract, the file for
//! the round and the file's owner for the claimant; both sides compute it, and a test compares them.
//!
//! # Errors
//! [`VanaError`].

use alloy::primitives::{Address, B256, U256};

use crate::chain::ChainError;
use crate::contracts_gen::ContractsError;
use crate::contribute::ContributeError;
use zkpoc_circuits::ErrorKind;

pub mod adapter;
pub mod claim;
pub mod deploy;
pub mod report;

pub use adapter::{Adapter, Kind};

/// What cannot be done with a pool of Vana's.
#[derive(Debug, thiserror::Error)]
pub enum VanaError {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A step of a contributor.
    #[error(transparent)]
    Contribute(#[from] ContributeError),
    /// Contracts that cannot be compiled.
    #[error(transparent)]
    Contracts(#[from] ContractsError),
    /// A contract that is not compiled.
    #[error(transparent)]
    Compile(#[from] zkpoc_contracts::compile::CompileError),
    /// The adapter is of another deployment.
    #[error(
        "{adapter} is an adapter with {what} {found}, expected {expected}: it is of another deployment or profile"
    )]
    Adapter {
        /// The adapter.
        adapter: Address,
        /// What of it.
        what: &'static str,
        /// Here.
        expected: String,
        /// There.
        found: String,
    },
    /// The url is another owner's file.
    #[error("the url {url:?} is file {file} of {owner}; take another url: it has no part in the proof")]
    UrlTaken {
        /// The url.
        url: String,
        /// The file.
        file: U256,
        /// Whose it is.
        owner: Address,
    },
    /// The file is not the sender's.
    #[error("file {file} belongs to {owner}, not to {sender}; the owner of the dataset must own the file")]
    NotOwner {
        /// The file.
        file: U256,
        /// Whose it is.
        owner: Address,
        /// Who asks.
        sender: Address,
    },
    /// The model at hand is not the adapter's.
    #[error(
        "the model at hand has id {found}, the adapter's is {expected}; it is the public start model of the seed that it was set with"
    )]
    OtherModel {
        /// The adapter's.
        expected: B256,
        /// The one given.
        found: B256,
    },
    /// The contribution was proven for another file.
    #[error("shard {index} was proven for file {file} before; prove another shard")]
    Used {
        /// The shard.
        index: u64,
        /// The file.
        file: U256,
    },
    /// The file has no proof of this adapter.
    #[error("file {file} has no proof of the adapter {adapter}")]
    NotProven {
        /// The file.
        file: U256,
        /// The adapter.
        adapter: Address,
    },
    /// A transaction that was mined without the event it must have.
    #[error("{what} was mined without its event: is {contract} the contract that it should be?")]
    NoEvent {
        /// What was sent.
        what: &'static str,
        /// Where to.
        contract: Address,
    },
}

impl VanaError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Chain(error) => error.kind(),
            Self::Contribute(error) => error.kind(),
            Self::Contracts(error) => error.kind(),
            Self::Compile(_) | Self::NoEvent { .. } => ErrorKind::Environment,
            Self::Used { .. } | Self::NotProven { .. } => ErrorKind::Refused,
            _ => ErrorKind::Input,
        }
    }
}
