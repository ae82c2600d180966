//! A chain without the precompiles of EIP-196 to EIP-198, or with some of them: nothing is accepted there, little gas is spent
//! on finding out, and the pool's registry is not even deployed.

use std::collections::BTreeMap;

use crate::support::circuit::Spec;
use crate::support::evm::Chain;
use crate::support::Case;
use alloy::primitives::aliases::{U40, U96};
use alloy::primitives::{keccak256, Address, U256};
use zkpoc_contracts::bindings::describe_revert;
use zkpoc_contracts::compile::compile_contracts;
use zkpoc_contracts::deploy::{creation_code, Addresses, PoolConfig, REGISTRY, ROUTER};

/// Exponentiation, addition, multiplication, pairing.
const NEEDED: [u8; 4] = [5, 6, 7, 8];

#[test]
fn rejects_every_proof_where_a_precompile_is_missing() {
    let mut case = Case::new(Spec::narrow());
    let (proof, instances) = (case.proof.clone(), case.instances.clone());
    let honest = case.ours(&proof, &instances);
    assert!(honest.success, "{honest:?}");
    for missing in NEEDED.map(|number| vec![number]).into_iter().chain([NEEDED.to_vec()]) {
        case.chain.missing.clone_from(&missing);
        let outcome = case.ours(&proof, &instances);
        assert!(outcome.reverted_with("PrecompileFailed()", None), "without {missing:?}: {outcome:?}");
        assert!(outcome.gas <= honest.gas, "without {missing:?}: {} gas", outcome.gas);
    }
    case.chain.missing.clear();
    assert!(case.ours(&proof, &instances).success);
}

#[test]
fn rejects_a_registry_where_a_precompile_is_missing() {
    let artifacts = compile_contracts(&BTreeMap::new(), &BTreeMap::new()).expect("the contracts compile");
    let config = PoolConfig {
        admin: Address::with_last_byte(1),
        srs_digest: keccak256("srs"),
        reward: U256::ONE,
        max_norm_log2: 60,
        max_loss_log2: 60,
        round_budget: U96::from(1),
        claim_blocks: U40::from(20),
        finalize_blocks: U40::from(20),
        window_blocks: U40::from(20),
        beacon_delay: U40::from(3),
        share_blocks: U40::from(6),
        reveal_blocks: U40::from(6),
        dispute_blocks: U40::from(6),
        bond: U256::from(7),
    };
    let deployed = Addresses::from([(ROUTER.to_owned(), Address::with_last_byte(2))]);
    let code = creation_code(REGISTRY, &artifacts, &config, &deployed).expect("creation code");
    let mut chain = Chain::default();
    for number in NEEDED {
        chain.missing = vec![number];
        let outcome = chain.deploy(code.clone(), true).expect_err("a chain that lacks it");
        let expected = format!("ZkPocCurvePrecompile {{ precompile: {:?} }}", Address::with_last_byte(number));
        assert_eq!(describe_revert(&outcome.output), expected);
    }
    chain.missing.clear();
    chain.deploy(code, true).expect("a chain that has them all");
}
