//! Where the gas of a transaction went, by cause and by contract.
//!
//! The node is asked for the steps that the transaction took (`debug_traceTransaction`, which development nodes and archive nodes
//! answer). What a step cost is the gas before it less the gas before the next step of the same call; a call into a contract
//! costs that, less what the contract used. So all steps together cost exactly what the execution did, and with the price of
//! the transaction itself the causes add up to `gasUsed`.
//!
//! # Errors
//! [`ChainError`]: the node does not answer, or with something else than steps.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{ChainError, Client};

/// What gas is spent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The transaction itself, 21,000.
    Base,
    /// The bytes of the call data.
    Calldata,
    /// keccak256.
    Hashing,
    /// Multiplications of points, each with its call.
    EcMul,
    /// Additions of points, each with its call.
    EcAdd,
    /// Pairings.
    Pairing,
    /// Modular exponentiation.
    Modexp,
    /// Other precompiles, such as recovering a signer.
    Precompiles,
    /// `addmod`, `mulmod`, `mod`.
    Field,
    /// Growth of memory.
    Memory,
    /// Copying of call data, code and memory.
    Copying,
    /// Reading and writing storage.
    Storage,
    /// Calls between contracts, and looking at other contracts' code.
    Calls,
    /// Events.
    Events,
    /// Everything else: the stack, jumps, comparisons, loads and stores.
    Rest,
}

/// The gas of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ledger {
    /// `gasUsed` of the receipt.
    pub total: u64,
    /// By cause; these add up to the total.
    pub causes: BTreeMap<Cause, u64>,
    /// How often: steps of the cause; for call data, its bytes.
    pub counts: BTreeMap<Cause, u64>,
    /// Of the execution, by the contract whose code ran; precompiles count for their caller.
    pub contracts: BTreeMap<Address, u64>,
    /// What was refunded, which the causes hold and the total does not.
    pub refunded: u64,
}

/// A step, as nodes tell it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    op: String,
    gas: u64,
    gas_cost: u64,
    depth: u64,
    #[serde(default)]
    stack: Vec<U256>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trace {
    gas: u64,
    struct_logs: Vec<Step>,
}

impl Client {
    /// The ledger of a mined transaction.
    pub fn ledger(&self, transaction: B256) -> Result<Ledger, ChainError> {
        let options = json!({ "disableStorage": true, "enableMemory": false, "enableReturnData": false });
        let answer = self.request("debug_traceTransaction", json!([transaction, options]))?;
        let strange = |found: String| ChainError::Answer {
            what: "debug_traceTransaction".to_owned(),
            address: Address::ZERO,
            found,
        };
        let trace: Trace = serde_json::from_value(answer).map_err(|error| strange(error.to_string()))?;
        let found = self.transaction_input(transaction)?;
        let (to, input) = found.ok_or_else(|| strange("no such transaction".to_owned()))?;
        let to = to.ok_or_else(|| strange("a deployment, not a call".to_owned()))?;
        Ok(account(&trace, to, &input))
    }
}

/// Price of memory of so many words.
fn memory_gas(words: u64) -> u64 {
    3 * words + words * words / 512
}

/// One call in progress.
struct Frame {
    contract: Address,
    /// Words of memory.
    words: u64,
    /// The step that made a call from here, and the gas the callee began with.
    calling: Option<(usize, u64)>,
}

fn account(trace: &Trace, to: Address, input: &[u8]) -> Ledger {
    let zeros = input.iter().filter(|byte| **byte == 0).count() as u64;
    let bytes = input.len() as u64;
    let mut ledger = Ledger {
        total: trace.gas,
        causes: BTreeMap::from([(Cause::Base, 21_000), (Cause::Calldata, 16 * (bytes - zeros) + 4 * zeros)]),
        counts: BTreeMap::from([(Cause::Base, 1), (Cause::Calldata, bytes)]),
        contracts: BTreeMap::new(),
        refunded: 0,
    };
    let steps = &trace.struct_logs;
    let mut frames = vec![Frame { contract: to, words: 0, calling: None }];
    for (i, step) in steps.iter().enumerate() {
        let next = steps.get(i + 1);
        match next {
            Some(next) if next.depth > step.depth => {
                if let Some(frame) = frames.last_mut() {
                    frame.calling = Some((i, next.gas));
                }
                let contract = operand(step, 1).map_or(Address::ZERO, address);
                frames.push(Frame { contract, words: 0, calling: None });
            }
            Some(next) if next.depth < step.depth => {
                ledger.charge(&mut frames, step, step.gas_cost);
                frames.pop();
                let Some((call, began)) = frames.last_mut().and_then(|frame| frame.calling.take()) else { continue };
                let used = began.saturating_sub(step.gas.saturating_sub(step.gas_cost));
                let cost = steps[call].gas.saturating_sub(next.gas).saturating_sub(used);
                ledger.charge(&mut frames, &steps[call], cost);
            }
            Some(next) => ledger.charge(&mut frames, step, step.gas.saturating_sub(next.gas)),
            None => ledger.charge(&mut frames, step, step.gas_cost),
        }
    }
    let spent: u64 = ledger.causes.values().sum();
    ledger.refunded = spent.saturating_sub(ledger.total);
    ledger
}

impl Ledger {
    /// Books a step: the growth of memory for itself, the rest by what it does.
    fn charge(&mut self, frames: &mut [Frame], step: &Step, cost: u64) {
        let Some(frame) = frames.last_mut() else { return };
        let words = frame.words.max(touched(step));
        let growth = (memory_gas(words) - memory_gas(frame.words)).min(cost);
        frame.words = words;
        *self.contracts.entry(frame.contract).or_default() += cost;
        let cause = cause(step);
        *self.causes.entry(Cause::Memory).or_default() += growth;
        *self.causes.entry(cause).or_default() += cost - growth;
        *self.counts.entry(cause).or_default() += 1;
    }

    /// Whether the causes add up to the total.
    pub fn adds_up(&self) -> bool {
        self.causes.values().sum::<u64>() == self.total + self.refunded
    }
}

/// The n-th operand, the uppermost first.
fn operand(step: &Step, n: usize) -> Option<U256> {
    step.stack.len().checked_sub(n + 1).map(|at| step.stack[at])
}

fn address(word: U256) -> Address {
    Address::from_word(B256::from(word))
}

fn cause(step: &Step) -> Cause {
    match step.op.as_str() {
        "KECCAK256" | "SHA3" => Cause::Hashing,
        "ADDMOD" | "MULMOD" | "MOD" => Cause::Field,
        "SLOAD" | "SSTORE" | "TLOAD" | "TSTORE" => Cause::Storage,
        "CALLDATACOPY" | "CODECOPY" | "RETURNDATACOPY" | "MCOPY" => Cause::Copying,
        "EXTCODECOPY" | "EXTCODESIZE" | "EXTCODEHASH" | "BALANCE" => Cause::Calls,
        "CALL" | "STATICCALL" | "DELEGATECALL" | "CALLCODE" => {
            match operand(step, 1).map(|to| to.saturating_to::<u64>()) {
                Some(5) => Cause::Modexp,
                Some(6) => Cause::EcAdd,
                Some(7) => Cause::EcMul,
                Some(8) => Cause::Pairing,
                Some(1..=0x11) => Cause::Precompiles,
                _ => Cause::Calls,
            }
        }
        op if op.starts_with("LOG") => Cause::Events,
        _ => Cause::Rest,
    }
}

/// Words of memory that must be there after a step.
fn touched(step: &Step) -> u64 {
    let at = |n: usize| operand(step, n).unwrap_or_default().saturating_to::<u64>();
    let end = |offset: usize, size: u64| if size == 0 { 0 } else { at(offset).saturating_add(size).div_ceil(32) };
    match step.op.as_str() {
        "MLOAD" | "MSTORE" => end(0, 32),
        "MSTORE8" => end(0, 1),
        "KECCAK256" | "SHA3" | "RETURN" | "REVERT" => end(0, at(1)),
        "CALLDATACOPY" | "CODECOPY" | "RETURNDATACOPY" => end(0, at(2)),
        "EXTCODECOPY" => end(1, at(3)),
        "MCOPY" => end(0, at(2)).max(end(1, at(2))),
        "CALL" | "CALLCODE" => end(3, at(4)).max(end(5, at(6))),
        "STATICCALL" | "DELEGATECALL" => end(2, at(3)).max(end(4, at(5))),
        op if op.starts_with("LOG") => end(0, at(1)),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(op: &str, gas: u64, gas_cost: u64, depth: u64, stack: &[u64]) -> Step {
        Step { op: op.to_owned(), gas, gas_cost, depth, stack: stack.iter().map(|word| U256::from(*word)).collect() }
    }

    #[test]
    fn a_call_costs_what_its_callee_did_not_use() {
        let steps = vec![
            step("MSTORE", 1_000, 6, 1, &[7, 0]),
            // Address 0xaa with 900 gas; no input, no output.
            step("STATICCALL", 994, 2_600, 1, &[0, 0, 0, 0, 0xaa, 900]),
            step("MULMOD", 900, 8, 2, &[]),
            step("STOP", 892, 0, 2, &[]),
            // 100 for the call and 8 for the callee.
            step("STATICCALL", 886, 6_000, 1, &[0x40, 0, 0x60, 0, 7, 60_000]),
            step("STOP", 100, 0, 1, &[]),
        ];
        let trace = Trace { gas: 21_000 + 16 + 4 + 900, struct_logs: steps };
        let ledger = account(&trace, Address::with_last_byte(1), &[1, 0]);
        assert_eq!(ledger.causes[&Cause::Calls], 100);
        assert_eq!(ledger.causes[&Cause::Field], 8);
        assert_eq!(ledger.causes[&Cause::Memory], 3 + 6);
        assert_eq!(ledger.causes[&Cause::EcMul], 786 - 6);
        assert_eq!(ledger.contracts[&Address::with_last_byte(0xaa)], 8);
        assert!(ledger.adds_up());
        assert_eq!(ledger.refunded, 0);
    }
}
