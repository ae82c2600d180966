//! Compiles generated Solidity and runs it in revm under the Osaka rules.

use std::collections::BTreeMap;

use revm::{
    bytecode::Bytecode,
    context::{
        result::{ExecutionResult, Output},
        TxEnv,
    },
    database::InMemoryDB,
    handler::MainnetContext,
    interpreter::{CallInputs, CallOutcome},
    precompile::Precompiles,
    primitives::{hardfork::SpecId, Address, TxKind},
    state::AccountInfo,
    Context, ExecuteCommitEvm, InspectCommitEvm, Inspector, MainBuilder, MainContext,
};
use serde_json::{json, Value};
use sha3::{Digest, Keccak256};
use zkpoc_contracts::compile::{compile_standard_json, standard_json_input, VERIFIER_RUNS};

/// What a call did.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub success: bool,
    pub halted: bool,
    pub gas: u64,
    pub output: Vec<u8>,
}

impl Outcome {
    /// Whether it reverted with this custom error.
    pub fn reverted_with(&self, signature: &str, argument: Option<u64>) -> bool {
        let mut expected = Keccak256::digest(signature.as_bytes())[..4].to_vec();
        if let Some(argument) = argument {
            expected.extend([0; 24]);
            expected.extend(argument.to_be_bytes());
        }
        !self.success && !self.halted && self.output == expected
    }
}

/// A chain in memory.
#[derive(Clone, Default)]
pub struct Chain {
    db: InMemoryDB,
    /// Which precompiles are missing.
    pub missing: Vec<u8>,
}

/// Counts calls of precompiles.
#[derive(Clone, Copy, Debug, Default)]
struct PrecompileCalls(usize);

impl<C> Inspector<C> for PrecompileCalls {
    fn call(&mut self, _: &mut C, inputs: &mut CallInputs) -> Option<CallOutcome> {
        let address = inputs.target_address.into_array();
        self.0 += usize::from(address[..18] == [0; 18] && address != [0; 20]);
        None
    }
}

impl Chain {
    fn run(&mut self, kind: TxKind, data: Vec<u8>, gas_limit: u64, limited: bool) -> Transaction {
        let mut evm = context(&mut self.db, limited).build_mainnet();
        if !self.missing.is_empty() {
            // Calls to their addresses succeed and return nothing, as to every account without code.
            let all = evm.precompiles.precompiles;
            let missing = self.missing.iter().map(|number| Address::with_last_byte(*number)).collect::<Vec<_>>();
            let mut kept = Precompiles::default();
            kept.extend(all.addresses().filter(|at| !missing.contains(at)).filter_map(|at| all.get(at)).cloned());
            evm.precompiles.precompiles = Box::leak(Box::new(kept));
        }
        let tx = TxEnv { gas_limit, kind, data: data.into(), ..Default::default() };
        outcome(evm.transact_commit(tx).expect("a valid transaction"))
    }

    /// Deploys code under EIP-170 (`limited`) or without a limit.
    pub fn deploy(&mut self, code: Vec<u8>, limited: bool) -> Result<(Address, Outcome), Outcome> {
        let (outcome, address) = self.run(TxKind::Create, code, 30_000_000, limited);
        match address {
            Some(address) if outcome.success => Ok((address, outcome)),
            _ => Err(outcome),
        }
    }

    /// Calls a contract.
    pub fn call(&mut self, to: Address, data: Vec<u8>, gas_limit: u64) -> Outcome {
        self.run(TxKind::Call(to), data, gas_limit, true).0
    }

    /// The same, with the number of calls it made of precompiles.
    pub fn call_counting(&mut self, to: Address, data: Vec<u8>, gas_limit: u64) -> (Outcome, usize) {
        let mut evm = context(&mut self.db, true).build_mainnet_with_inspector(PrecompileCalls::default());
        let tx = TxEnv { gas_limit, kind: TxKind::Call(to), data: data.into(), ..Default::default() };
        let result = evm.inspect_tx_commit(tx).expect("a valid transaction");
        let calls = evm.inspector.0;
        (outcome(result).0, calls)
    }

    /// Puts code at an address, whatever was there.
    pub fn set_code(&mut self, at: Address, code: Vec<u8>) {
        self.db.insert_account_info(at, AccountInfo::from_bytecode(Bytecode::new_raw(code.into())));
    }
}

type Transaction = (Outcome, Option<Address>);

/// The rules of Osaka over `db`.
fn context(db: &mut InMemoryDB, limited: bool) -> MainnetContext<&mut InMemoryDB> {
    Context::mainnet().with_db(db).modify_cfg_chained(|cfg| {
        cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA);
        cfg.disable_nonce_check = true;
        cfg.tx_gas_limit_cap = Some(u64::MAX);
        if !limited {
            cfg.limit_contract_code_size = Some(usize::MAX);
            cfg.limit_contract_initcode_size = Some(usize::MAX);
        }
    })
}

fn outcome(result: ExecutionResult) -> Transaction {
    let gas = result.tx_gas_used();
    let (success, halted, output, address) = match result {
        ExecutionResult::Success { output, .. } => match output {
            Output::Create(bytes, address) => (true, false, bytes, address),
            Output::Call(bytes) => (true, false, bytes, None),
        },
        ExecutionResult::Revert { output, .. } => (false, false, output, None),
        ExecutionResult::Halt { .. } => (false, true, Default::default(), None),
    };
    (Outcome { success, halted, gas, output: output.to_vec() }, address)
}

fn contract(output: &Value, name: &str) -> (Vec<u8>, Vec<u8>) {
    let errors = output["errors"].as_array().into_iter().flatten();
    for error in errors {
        assert_ne!(error["severity"], "error", "{}", error["formattedMessage"]);
    }
    let file = output["contracts"].as_object().and_then(|files| files.values().next());
    let contract = &file.expect("a compiled file")[name]["evm"];
    let code = |kind: &str| {
        let object = contract[kind]["object"].as_str().expect("code");
        hex::decode(object).expect("hexadecimal")
    };
    (code("bytecode"), code("deployedBytecode"))
}

/// Creation and runtime code of a generated verifier, compiled as the product does.
pub fn compile_verifier(source: &str, name: &str) -> (Vec<u8>, Vec<u8>) {
    let sources = BTreeMap::from([("Verifier.sol".to_string(), source.to_string())]);
    let input = standard_json_input(&sources, VERIFIER_RUNS);
    let output = compile_standard_json(&input).expect("the compiler");
    let warnings: Vec<_> = output["errors"].as_array().into_iter().flatten().collect();
    assert!(warnings.is_empty(), "no warnings: {warnings:?}");
    contract(&output, name)
}

/// The same for `snark-verifier`'s contract, which only unoptimised legacy code compiles right.
pub fn compile_reference(source: &str) -> (Vec<u8>, Vec<u8>) {
    let source = source.replace("pragma solidity 0.8.19;", "pragma solidity ^0.8.19;");
    let input = json!({
        "language": "Solidity",
        "sources": { "Reference.sol": { "content": source } },
        "settings": {
            "optimizer": { "enabled": false },
            "evmVersion": "prague",
            "outputSelection": { "*": { "*": ["evm.bytecode.object", "evm.deployedBytecode.object"] } }
        }
    });
    contract(&compile_standard_json(&input).expect("the compiler"), "Halo2Verifier")
}

fn word(n: usize) -> [u8; 32] {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&(n as u64).to_be_bytes());
    word
}

/// Calldata of `verify` or `accumulate`.
pub fn calldata(function: &str, proof: &[u8], instances: &[[u8; 32]]) -> Vec<u8> {
    let signature = format!("{function}(bytes,uint256[])");
    let mut data = Keccak256::digest(signature.as_bytes())[..4].to_vec();
    let padded = proof.len().div_ceil(32) * 32;
    data.extend(word(0x40));
    data.extend(word(0x60 + padded));
    data.extend(word(proof.len()));
    data.extend_from_slice(proof);
    data.extend(vec![0; padded - proof.len()]);
    data.extend(word(instances.len()));
    data.extend(instances.concat());
    data
}

/// Calldata of a function of one array of words.
pub fn calldata_words(function: &str, words: &[[u8; 32]]) -> Vec<u8> {
    let signature = format!("{function}(uint256[])");
    let mut data = Keccak256::digest(signature.as_bytes())[..4].to_vec();
    data.extend(word(0x20));
    data.extend(word(words.len()));
    data.extend(words.concat());
    data
}

/// The same with the instances before the proof, behind an array that no head points to.
pub fn calldata_reordered(proof: &[u8], instances: &[[u8; 32]], unused: &[[u8; 32]]) -> Vec<u8> {
    let mut data = Keccak256::digest(b"verify(bytes,uint256[])")[..4].to_vec();
    let first = 0x40 + 32 * (1 + unused.len());
    let second = first + 32 * (1 + instances.len());
    data.extend(word(second));
    data.extend(word(first));
    for array in [unused, instances] {
        data.extend(word(array.len()));
        data.extend(array.concat());
    }
    data.extend(word(proof.len()));
    data.extend_from_slice(proof);
    data
}
