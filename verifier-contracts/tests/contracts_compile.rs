//! The embedded contracts compile with the pinned compiler, fit EIP-170, and take the generated libraries they are given.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use zkpoc_contracts::compile::{
    compile_contracts, compile_sources, Artifacts, CompileError, CONTRACT_SOURCES, MAX_CODE_BYTES,
};

/// Every contract that is deployed, by a pool, for Vana, or on a local chain in the place of Vana's own.
const DEPLOYED: [&str; 11] = [
    "ContributionRounds",
    "ContributionToken",
    "DataRegistry",
    "FlatRewardPolicy",
    "KeylessAttestor",
    "LocalVanaPool",
    "LocalVanaRegistry",
    "MaskCommitments",
    "SecureAggregation",
    "VanaProofPool",
    "VerifierRouter",
];

/// The contracts with code. Libraries of internal functions are compiled into their callers and never deployed.
fn deployable(artifacts: &Artifacts) -> impl Iterator<Item = &str> {
    let library =
        |source: &str| source.starts_with("contracts/libraries/") || source.starts_with("contracts/generated/");
    artifacts.contracts.iter().filter(move |(_, artifact)| !library(&artifact.source)).map(|(name, _)| name.as_str())
}

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
    }
    assert_eq!(deployable(&artifacts).collect::<Vec<_>>(), DEPLOYED, "every contract with code is checked here");
    // The second run comes from the cache and is the same to the byte.
    let again = compile_contracts(&BTreeMap::new(), &BTreeMap::new()).expect("the contracts compile again");
    assert_eq!(artifacts, again);
}

/// The limit leaves the rounds contract a few hundred bytes: any change of a size is to be seen. The sizes are those with the
/// generated libraries of the unit tests; a profile's differ by a few bytes.
#[test]
fn golden_code_sizes() {
    let artifacts = compile_contracts(&BTreeMap::new(), &BTreeMap::new()).expect("the contracts compile");
    let size = |name| artifacts.get(name).expect("a contract").deployed.len() as u64;
    let sizes = deployable(&artifacts).map(|name| (name.to_owned(), size(name)));
    crate::snapshot::compare("code-size.json", &sizes.collect());
}

/// A source that is not embedded would be missing from a program installed elsewhere.
#[test]
fn accepts_only_a_folder_that_is_embedded_whole() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("contracts")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            let path = folder.join(entry.file_name());
            if entry.file_type().expect("a file type").is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "sol") {
                found.push(path.to_str().expect("a name in ASCII").to_owned());
            }
        }
    }
    found.sort();
    let mut known: Vec<&str> = CONTRACT_SOURCES.iter().map(|(path, _)| *path).collect();
    known.sort_unstable();
    assert_eq!(found, known);
}

#[test]
fn accepts_a_generated_layout_in_place_of_the_embedded_one() {
    let path = "contracts/generated/TrainingLayout.sol";
    let layout = embedded(path).replace("PROOF_BYTES = 2240", "PROOF_BYTES = 2241");
    assert_ne!(layout, embedded(path));
    let plain = compile_contracts(&BTreeMap::new(), &BTreeMap::new()).expect("the contracts compile");
    let other = compile_contracts(&BTreeMap::from([(path.to_owned(), layout)]), &BTreeMap::new()).expect("compiles");
    let code = |artifacts: &Artifacts, name: &str| artifacts.get(name).expect("a contract").deployed.clone();
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
