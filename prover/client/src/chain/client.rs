//! A node over HTTP, as this program uses one: calls, transactions, receipts.
//!
//! # Transactions
//! 1. [`Mode::Send`] waits until all that the account sent before is mined ([`Client::await_own`]): an earlier run may have
//!    ended while its transaction was under way, and a second one of the same kind would fail and cost.
//! 2. The gas is estimated; a refusal shows here, decoded, before anything is sent.
//! 3. [`Mode::DryRun`] makes the call once more against the latest block and stops.
//! 4. [`Mode::Send`] signs, sends, and asks for the receipt until it is there or [`RECEIPT_TIMEOUT`] is over.
//!
//! # Errors
//! [`ChainError`]; each says what was attempted.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use alloy::consensus::Transaction;
use alloy::network::{EthereumWallet, TransactionBuilder};
use alloy::primitives::{keccak256, Address, Bytes, TxKind, B256, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::{BlockNumberOrTag, Filter, Log, TransactionRequest};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::{SolCall, SolEvent};
use alloy::transports::http::reqwest::Url;
use alloy::transports::{RpcError, TransportErrorKind};
use tokio::runtime::{Builder, Runtime};

use super::{ChainError, Revert};
use zkpoc_prover::srs::DEV_CHAIN_IDS;

/// How long a receipt is waited for.
pub const RECEIPT_TIMEOUT: Duration = Duration::from_secs(600);
/// Most gas a transaction may name (EIP-7825).
pub const MAX_TRANSACTION_GAS: u64 = 1 << 24;

/// Whether to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Call and estimate only.
    DryRun,
    /// Send and wait for the receipt.
    Send,
}

/// Gas of a call that was not sent.
pub type Gas = u64;

/// Where a transaction went, if it made no contract, and its call data.
pub type Input = (Option<Address>, Vec<u8>);

/// A mined transaction that succeeded.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// Its hash.
    pub transaction: B256,
    /// Its block.
    pub block: u64,
    /// What it cost.
    pub gas_used: Gas,
    /// The contract it made, if any.
    pub contract: Option<Address>,
    /// Its events.
    pub logs: Vec<Log>,
}

impl Receipt {
    /// The first event of a kind.
    pub fn event<E: SolEvent>(&self) -> Option<E> {
        self.logs.iter().find_map(|log| E::decode_log(&log.inner).ok().map(|found| found.data))
    }
}

/// What came of a transaction.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It would succeed now, for about this gas.
    DryRun(Gas),
    /// It was mined.
    Mined(Box<Receipt>),
}

impl Outcome {
    /// The receipt, if it was sent.
    pub fn receipt(&self) -> Option<&Receipt> {
        match self {
            Self::DryRun(_) => None,
            Self::Mined(receipt) => Some(receipt),
        }
    }

    /// Gas used, or estimated.
    pub fn gas(&self) -> Gas {
        match self {
            Self::DryRun(gas) => *gas,
            Self::Mined(receipt) => receipt.gas_used,
        }
    }
}

/// A connection to a node, with or without a key.
#[derive(Debug)]
pub struct Client {
    runtime: Runtime,
    provider: DynProvider,
    url: String,
    chain_id: u64,
    sender: Option<Address>,
}

impl Client {
    /// Connects, and asks for the chain's id.
    pub fn connect(url: &str, signer: Option<PrivateKeySigner>) -> Result<Self, ChainError> {
        let parsed: Url =
            url.parse().map_err(|error| ChainError::Url { url: url.to_owned(), reason: format!("{error}") })?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(ChainError::Url { url: url.to_owned(), reason: format!("{}: is not HTTP", parsed.scheme()) });
        }
        let runtime = Builder::new_current_thread().enable_all().build().map_err(ChainError::Runtime)?;
        crate::tls::provide();
        let sender = signer.as_ref().map(PrivateKeySigner::address);
        let provider = {
            let _inside = runtime.enter();
            match signer {
                Some(signer) => {
                    ProviderBuilder::new().wallet(EthereumWallet::from(signer)).connect_http(parsed).erased()
                }
                None => ProviderBuilder::new().connect_http(parsed).erased(),
            }
        };
        let mut client = Self { runtime, provider, url: url.to_owned(), chain_id: 0, sender };
        client.chain_id = client.run("ask for the chain id", client.provider.get_chain_id())?;
        Ok(client)
    }

    /// The chain.
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The node.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The account that sends.
    pub fn sender(&self) -> Result<Address, ChainError> {
        self.sender.ok_or(ChainError::NoKey)
    }

    /// Number of the latest block.
    pub fn block_number(&self) -> Result<u64, ChainError> {
        self.run("ask for the latest block", self.provider.get_block_number())
    }

    /// The code at an address; empty if there is none.
    pub fn code(&self, address: Address) -> Result<Bytes, ChainError> {
        self.run("read a contract's code", async { self.provider.get_code_at(address).await })
    }

    /// keccak256 of the code at an address.
    pub fn code_hash(&self, address: Address) -> Result<B256, ChainError> {
        Ok(keccak256(self.code(address)?))
    }

    /// What an account holds of the chain's own currency, in its smallest unit.
    pub fn funds(&self, account: Address) -> Result<U256, ChainError> {
        self.run("ask for an account's funds", async { self.provider.get_balance(account).await })
    }

    /// Events of one kind that a contract emitted from a block on.
    pub fn events<E: SolEvent>(&self, address: Address, from_block: u64) -> Result<Vec<E>, ChainError> {
        let filter = Filter::new()
            .address(address)
            .event_signature(E::SIGNATURE_HASH)
            .from_block(from_block)
            .to_block(BlockNumberOrTag::Latest);
        let logs = self.run("read events", self.provider.get_logs(&filter))?;
        Ok(logs.iter().filter_map(|log| E::decode_log(&log.inner).ok().map(|found| found.data)).collect())
    }

    /// All events of a contract in some blocks, with where they happened.
    pub fn logs(&self, address: Address, from_block: u64, to_block: u64) -> Result<Vec<Log>, ChainError> {
        let filter = Filter::new().address(address).from_block(from_block).to_block(to_block);
        self.run("read events", self.provider.get_logs(&filter))
    }

    /// Where a transaction went and its call data; `None` if the node does not know it.
    pub fn transaction_input(&self, hash: B256) -> Result<Option<Input>, ChainError> {
        let found = self.run("read a transaction", self.provider.get_transaction_by_hash(hash))?;
        Ok(found.map(|transaction| (transaction.to(), transaction.input().to_vec())))
    }

    /// A request that is not of the common interface, such as those of development nodes.
    pub fn request(&self, method: &'static str, params: serde_json::Value) -> Result<serde_json::Value, ChainError> {
        self.run(method, self.provider.raw_request(Cow::Borrowed(method), params))
    }

    /// Asks a contract.
    pub fn call<C: SolCall>(&self, to: Address, call: &C) -> Result<C::Return, ChainError> {
        let what = C::SIGNATURE.split('(').next().unwrap_or(C::SIGNATURE);
        let request = self.transaction(TxKind::Call(to), call.abi_encode());
        let output = self.run(what, async { self.provider.call(request).await })?;
        C::abi_decode_returns(&output).map_err(|_| ChainError::Answer {
            what: what.to_owned(),
            address: to,
            found: match output.len() {
                0 => "nothing (there may be no contract)".to_owned(),
                length => format!("{length} bytes that cannot be read"),
            },
        })
    }

    /// Sends a call, or tries it.
    pub fn send<C: SolCall>(&self, what: &str, to: Address, call: &C, mode: Mode) -> Result<Outcome, ChainError> {
        self.send_raw(what, TxKind::Call(to), call.abi_encode(), mode)
    }

    /// Sends a call with an amount of the chain's own currency, in wei, or tries it.
    pub fn send_value<C: SolCall>(
        &self,
        what: &str,
        to: Address,
        call: &C,
        value: U256,
        mode: Mode,
    ) -> Result<Outcome, ChainError> {
        self.send_request(what, self.transaction(TxKind::Call(to), call.abi_encode()).with_value(value), mode)
    }

    /// Sends call data or creation code, or tries it.
    pub fn send_raw(&self, what: &str, to: TxKind, data: Vec<u8>, mode: Mode) -> Result<Outcome, ChainError> {
        self.send_request(what, self.transaction(to, data), mode)
    }

    fn send_request(&self, what: &str, request: TransactionRequest, mode: Mode) -> Result<Outcome, ChainError> {
        let sender = self.sender()?;
        if mode == Mode::Send {
            self.await_own()?;
        }
        let request = request.with_from(sender);
        let gas = self.run(what, async { self.provider.estimate_gas(request.clone()).await })?;
        if mode == Mode::DryRun {
            self.run(what, async { self.provider.call(request).await })?;
            return Ok(Outcome::DryRun(gas));
        }
        // A quarter more than estimated: what a call costs moves a little with the state it meets.
        let request = request.with_gas_limit(gas.saturating_add(gas / 4).min(MAX_TRANSACTION_GAS.max(gas)));
        let pending = self.run(what, self.provider.send_transaction(request))?;
        let hash = *pending.tx_hash();
        tracing::debug!(transaction = %hash, what, "sent");
        self.receipt(what, hash).map(|receipt| Outcome::Mined(Box::new(receipt)))
    }

    /// Hash of a block; `None` if the node does not have it.
    pub fn block_hash(&self, number: u64) -> Result<Option<B256>, ChainError> {
        const WHAT: &str = "read a block";
        let tag = BlockNumberOrTag::Number(number);
        let block = self.run(WHAT, async { self.provider.get_block_by_number(tag).await })?;
        Ok(block.map(|block| block.header.hash))
    }

    /// Waits until no transaction of the sender is under way.
    pub fn await_own(&self) -> Result<(), ChainError> {
        const WHAT: &str = "count the account's transactions";
        let account = self.sender()?;
        let start = Instant::now();
        let mut told = false;
        loop {
            let mined = self.run(WHAT, async { self.provider.get_transaction_count(account).latest().await })?;
            let sent = self.run(WHAT, async { self.provider.get_transaction_count(account).pending().await })?;
            if sent <= mined {
                return Ok(());
            }
            if start.elapsed() > RECEIPT_TIMEOUT {
                let seconds = RECEIPT_TIMEOUT.as_secs();
                return Err(ChainError::UnderWay { account, count: sent - mined, seconds });
            }
            if !told {
                tracing::warn!(%account, count = sent - mined, "waiting for transactions that were sent before");
                told = true;
            }
            std::thread::sleep(self.pause());
        }
    }

    /// Time between two questions for the same thing.
    fn pause(&self) -> Duration {
        Duration::from_millis(if DEV_CHAIN_IDS.contains(&self.chain_id) { 50 } else { 2_000 })
    }

    /// Waits for a transaction of this or an earlier run.
    pub fn receipt(&self, what: &str, hash: B256) -> Result<Receipt, ChainError> {
        let start = Instant::now();
        loop {
            if let Some(found) = self.run(what, self.provider.get_transaction_receipt(hash))? {
                let block = found.block_number.unwrap_or_default();
                if !found.status() {
                    return Err(ChainError::Failed { what: what.to_owned(), transaction: hash, block });
                }
                return Ok(Receipt {
                    transaction: hash,
                    block,
                    gas_used: found.gas_used,
                    contract: found.contract_address,
                    logs: found.inner.logs().to_vec(),
                });
            }
            if start.elapsed() > RECEIPT_TIMEOUT {
                let seconds = RECEIPT_TIMEOUT.as_secs();
                return Err(ChainError::Pending { what: what.to_owned(), transaction: hash, seconds });
            }
            std::thread::sleep(self.pause());
        }
    }

    fn transaction(&self, to: TxKind, data: Vec<u8>) -> TransactionRequest {
        let request = TransactionRequest::default().with_kind(to).with_input(data);
        match self.sender {
            Some(sender) => request.with_from(sender),
            None => request,
        }
    }

    fn run<T>(
        &self,
        what: &str,
        work: impl std::future::IntoFuture<Output = Result<T, RpcError<TransportErrorKind>>>,
    ) -> Result<T, ChainError> {
        self.runtime.block_on(work.into_future()).map_err(|error| self.explain(what, &error))
    }

    fn explain(&self, what: &str, error: &RpcError<TransportErrorKind>) -> ChainError {
        let Some(answer) = error.as_error_resp() else {
            return ChainError::Node { what: what.to_owned(), url: self.url.clone(), reason: error.to_string() };
        };
        match answer.as_revert_data() {
            Some(data) => ChainError::Refused { what: what.to_owned(), revert: Box::new(Revert::decode(&data)) },
            None => ChainError::Request { what: what.to_owned(), reason: answer.message.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_urls_that_are_no_nodes() {
        for url in ["", "localhost", "ftp://127.0.0.1", "ws://127.0.0.1:8545"] {
            let error = Client::connect(url, None).expect_err(url);
            assert!(matches!(error, ChainError::Url { .. }), "{url}: {error}");
        }
    }

    #[test]
    fn rejects_a_node_that_is_not_there() {
        // Port 1 needs privileges, so nothing of a user's listens there.
        let error = Client::connect("http://127.0.0.1:1", None).expect_err("no node");
        assert!(matches!(error, ChainError::Node { .. }) && error.is_environment(), "{error}");
        assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
    }
}
