//! Talking with an EVM chain: a node over HTTP, the pool's contracts, and what a refusal means.
//!
//! | file | content |
//! |---|---|
//! | [`signer`] | the sender's key: an environment variable or a keystore file, never an argument |
//! | [`client`] | calls, transactions and receipts, with every revert decoded |
//! | [`revert`] | the contracts' custom errors in plain words |
//! | [`deployment`] | `deployments/<chain id>.json`: which contracts are where |
//! | [`deploy`] | bringing a pool on chain, and comparing one there with what would be generated here |
//! | [`pool`] | the calls of a contributor and of an operator |
//! | [`aggregation`] | the calls of a member of a group |
//! | [`ledger`] | where the gas of a transaction went |
//!
//! Everything here is blocking: a [`Client`] owns its runtime.
//!
//! # Errors
//! [`ChainError`]. A refusal by a contract is [`ChainError::Refused`] and carries the decoded [`Revert`]; all else is
//! about the surroundings (node, key, files) or a statement that can be seen to be wrong before anything is sent.

use std::path::PathBuf;

use alloy::primitives::{Address, B256};

use zkpoc_circuits::ErrorKind;
use zkpoc_prover::fsio::FsError;
use zkpoc_prover::srs::SrsError;

pub mod aggregation;
pub mod client;
pub mod deploy;
pub mod deployment;
pub mod ledger;
pub mod node;
pub mod pool;
pub mod revert;
pub mod signer;
pub mod words;

pub use client::{Client, Gas, Mode, Outcome};
pub use deployment::{Deployed, Deployment, Pool};
pub use pool::PoolClient;
pub use revert::Revert;

/// What can go wrong between this program and a contract.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The URL cannot be used.
    #[error("{url:?} is not the URL of a node: {reason} (expected something like http://127.0.0.1:8545)")]
    Url {
        /// What was given.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The runtime for network access could not be started.
    #[error("cannot start the network runtime: {0}")]
    Runtime(std::io::Error),
    /// The node did not answer, or not sensibly.
    #[error("{what}: the node at {url} did not answer as expected: {reason}")]
    Node {
        /// What was attempted.
        what: String,
        /// The node.
        url: String,
        /// What happened instead.
        reason: String,
    },
    /// The node refused a request for a reason that is not a contract's: no funds, a wrong nonce, ….
    #[error("{what}: the node refused: {reason}")]
    Request {
        /// What was attempted.
        what: String,
        /// The node's words.
        reason: String,
    },
    /// A contract refused.
    #[error("{what}: refused: {revert}")]
    Refused {
        /// What was attempted.
        what: String,
        /// The decoded error.
        revert: Box<Revert>,
    },
    /// A transaction was mined and failed although the same call had succeeded just before.
    #[error("{what}: transaction {transaction} failed in block {block}; the chain's state changed in between, run the command again to see why")]
    Failed {
        /// What was attempted.
        what: String,
        /// Its hash.
        transaction: B256,
        /// Its block.
        block: u64,
    },
    /// A transaction was sent and is not mined yet.
    #[error("{what}: transaction {transaction} is not mined after {seconds} s; it may still be: look it up before sending again")]
    Pending {
        /// What was attempted.
        what: String,
        /// Its hash.
        transaction: B256,
        /// How long it was waited for.
        seconds: u64,
    },
    /// Transactions of an earlier run, or of another program, are not mined.
    #[error("{count} transactions of {account} that were sent before are not mined after {seconds} s; wait, or replace them by ones with a higher fee")]
    UnderWay {
        /// The account.
        account: Address,
        /// How many.
        count: u64,
        /// How long they were waited for.
        seconds: u64,
    },
    /// The answer is not that of the contract it should be.
    #[error("{what}: the contract at {address} answered {found}; is the deployment file of this chain?")]
    Answer {
        /// What was asked.
        what: String,
        /// Who answered.
        address: Address,
        /// How.
        found: String,
    },
    /// Sending needs a key.
    #[error("no key to send with: neither {} nor a keystore file is given", signer::KEY_VARIABLE)]
    NoKey,
    /// The key cannot be used.
    #[error("{origin}: {reason}")]
    Key {
        /// The variable or file.
        origin: String,
        /// What is wrong; never the key itself.
        reason: String,
    },
    /// The chain is not the one that was meant.
    #[error("the node is on chain {found}, expected chain {expected}")]
    Chain {
        /// The chain that was meant.
        expected: u64,
        /// The node's.
        found: u64,
    },
    /// A deployment file cannot be used.
    #[error("{file}: {field}: expected {expected}, found {found}", file = file.display())]
    Deployment {
        /// The file.
        file: PathBuf,
        /// The field.
        field: &'static str,
        /// What belongs there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The file holds no pool of that profile.
    #[error("{file}: no pool of profile {profile} is deployed on chain {chain_id} (there are: {known})", file = file.display())]
    NoPool {
        /// The file looked into.
        file: PathBuf,
        /// The chain.
        chain_id: u64,
        /// The profile.
        profile: String,
        /// The profiles that have one.
        known: String,
    },
    /// The file already holds a pool of that profile.
    #[error("{file}: a pool of profile {profile} is deployed on chain {chain_id} already", file = file.display())]
    PoolExists {
        /// The file.
        file: PathBuf,
        /// The chain.
        chain_id: u64,
        /// The profile.
        profile: String,
    },
    /// A contract's code would be too large for the chain.
    #[error("{name} has {got} bytes of code, EIP-170 allows {limit}")]
    CodeSize {
        /// The contract.
        name: String,
        /// Most bytes.
        limit: usize,
        /// Its bytes.
        got: usize,
    },
    /// The pool was set up for another profile or commitment key.
    #[error("{what} of the pool is {found}, here it is {expected}")]
    Mismatch {
        /// Which of its properties.
        what: &'static str,
        /// What this program works with.
        expected: String,
        /// What the pool has.
        found: String,
    },
    /// The commitment key is insecure, and the chain is not for development.
    #[error(transparent)]
    Srs(#[from] SrsError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FsError),
    /// The contracts could not be put together.
    #[error(transparent)]
    Deploy(#[from] zkpoc_contracts::deploy::DeployError),
    /// The contracts could not be compiled.
    #[error(transparent)]
    Compile(#[from] zkpoc_contracts::compile::CompileError),
    /// A tree, a path or a draw could not be computed.
    #[error(transparent)]
    Digest(#[from] zkpoc_contracts::bindings::digests::DigestError),
}

impl ChainError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::File(error) => error.kind(),
            Self::Srs(error) => error.kind(),
            _ if self.is_refusal() => ErrorKind::Refused,
            _ if self.is_environment() => ErrorKind::Environment,
            _ => ErrorKind::Input,
        }
    }

    /// The decoded error, when a contract refused.
    pub fn revert(&self) -> Option<&Revert> {
        match self {
            Self::Refused { revert, .. } => Some(revert),
            _ => None,
        }
    }

    /// True if the surroundings are to blame: the node, the network, the compiler.
    pub fn is_environment(&self) -> bool {
        matches!(
            self,
            Self::Runtime(_)
                | Self::Node { .. }
                | Self::Pending { .. }
                | Self::UnderWay { .. }
                | Self::Compile(zkpoc_contracts::compile::CompileError::Tools(_))
                | Self::Deploy(zkpoc_contracts::deploy::DeployError::Compile(
                    zkpoc_contracts::compile::CompileError::Tools(_)
                ))
        )
    }

    /// True if a contract refused, or a transaction failed.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Failed { .. })
    }
}
