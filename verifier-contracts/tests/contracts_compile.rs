//! The embedded contracts compile with the pinned compiler, fit EIP-170, and take the generated libraries they are given.

use std::collections::BTreeMap;

use zkpoc_contracts::compile::{compile_contracts, compile_sources, CompileError, CONTRACT_SOURCES, MAX_CODE_BYTES};

const DEPLOYED: [&str; 7] = [
    "ContributionRounds",
    "ContributionToken",
    "DataRegistry",
    "FlatRewardPolicy",
    "VerifierRouter",
    "VanaProofPool",
    "KeylessAttestor",
];

fn embedded(path: &str) -> String {
    let (_, text) = CONTRACT_SOURCES.iter().find(|(known, _)| *known == path).expect("an embedded source");
    (*text).to_owned()
}

#[test]
fn accepts_the_embedded_contracts_below_the_size_limit() {
    let artifacts = compile_contracts(&BTreeMap::new(), &BTreeMap::new()).expect("the contracts compile");
    for name in DEPLOYED {
        let artifact = artifacts.get(name).expect("a contract");
        assert!(artifact.deployed.len() <= MAX_CODE_BYTES, "{name}: {} bytes", artifact.deployed.len());
        assert!(artifact.abi.as_array().is_some_and(|abi| !abi.is_empty()), "{name} has an ABI");
        println!("{name}: {} bytes", artifact.deployed.len());
    }
    // The second run comes from the cache and is the same to the byte.
    let again = compile_contracts(&BTreeMap::new(), &BTreeMap::new()).expect("the contracts compile again");
    assert_eq!(artifacts, again);
}

#[test]
fn accepts_a_generated_layout_in_place_of_the_embedded_one() {
    let path = "contracts/generated/TrainingLayout.sol";
    let layout = embedded(path).replace("PROOF_BYTES = 2240", "PROOF_BYTES = 2241");
    assert_ne!(layout, embedded(path));
    let plain = compile_contracts(&BTreeMap::new(), &BTreeMap::new()).expect("the contracts compile");
    let other = compile_contracts(&BTreeMap::from([(path.to_owned(), layout)]), &BTreeMap::new()).expect("compiles");
    let code = |artifacts: &zkpoc_contracts::compile::Artifacts, name: &str| {
        artifacts.get(name).expect("a contract").deployed.clone()
    };
    assert_ne!(code(&plain, "ContributionRounds"), code(&other, "ContributionRounds"));
    assert_eq!(code(&plain, "DataRegistry"), code(&other, "DataRegistry"));
}

#[test]
fn accepts_extra_sources_that_import_embedded_ones() {
    let source =
        "// SPDX-License-Identifier: MIT\npragma solidity ^0.8.28;\nimport {Bn254} from \"../libraries/Bn254.sol\";\n\
                  contract Extra { function order() external pure returns (uint256) { return Bn254.R; } }";
    let extra = BTreeMap::from([("contracts/generated/Extra.sol".to_owned(), source.to_owned())]);
    let artifacts = compile_contracts(&BTreeMap::new(), &extra).expect("compiles");
    assert!(!artifacts.get("Extra").expect("the extra contract").bytecode.is_empty());
    assert_eq!(artifacts.inputs.len(), 2);
}

#[test]
fn rejects_a_source_with_errors_and_says_where() {
    let roots = BTreeMap::from([("contracts/Bad.sol".to_owned(), "contract Bad { uint256 x = y; }".to_owned())]);
    let error = compile_sources(&roots, &BTreeMap::new(), 1).expect_err("an undeclared name");
    assert!(matches!(&error, CompileError::Source(text) if text.contains("contracts/Bad.sol")), "{error}");
}

#[test]
fn rejects_a_name_that_no_source_defines() {
    let artifacts = compile_contracts(&BTreeMap::new(), &BTreeMap::new()).expect("the contracts compile");
    let error = artifacts.get("Rounds").expect_err("no such contract");
    assert!(error.to_string().contains("ContributionRounds"), "{error}");
}
