//! The stored round proof of `toy`: the same bytes for the native verifier, the contract and the reference, today and later.
//!
//! A change of the circuit, the transcript or a verifier that rejects it is a change of the verifying key. The training
//! circuit's stored proof is tested with the pool (`e2e/golden.rs`).

use serde_json::{json, Value};

use super::kit::toy_circuits;
use super::kit::Claim;
use super::kit::Subject;
use super::kit::Word;
use super::support::evm::calldata;
use super::support::fault::Fault;
use super::support::FORWARDED;

/// The stored proof.
const PROOF: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/toy/round-proof.json");

fn hexadecimal(value: &Value) -> Vec<u8> {
    let text = value.as_str().and_then(|text| text.strip_prefix("0x")).expect("hexadecimal with 0x");
    hex::decode(text).expect("hexadecimal")
}

fn stored() -> (Value, Claim) {
    let file: Value = serde_json::from_slice(&std::fs::read(PROOF).expect("the file")).expect("JSON");
    let word = |value: &Value| -> Word { hexadecimal(value).try_into().expect("32 bytes") };
    let instances = file["instances"].as_array().expect("instances").iter().map(word).collect();
    let proof = hexadecimal(&file["proof"]);
    (file, Claim { proof, instances })
}

fn digest(subject: &Subject) -> String {
    format!("0x{}", hex::encode(zkpoc_engine::encoding::scalar_to_bytes(&subject.key().0.transcript_repr())))
}

/// With `ZKPOC_REPIN_ROUND` set to a file, writes a fresh proof there: for a new verifying key, on purpose.
fn repin(subject: &Subject) {
    let Ok(file) = std::env::var("ZKPOC_REPIN_ROUND") else { return };
    let seed = &subject.seeds[0];
    let instances: Vec<String> = seed.instances.iter().map(|word| format!("0x{}", hex::encode(word))).collect();
    let proof = format!("0x{}", hex::encode(&seed.proof));
    let value = json!({ "profile": "toy", "key": digest(subject), "instances": instances, "proof": proof });
    std::fs::write(file, format!("{value:#}\n")).expect("written");
}

#[test]
fn golden_round_proof_of_toy_still_verifies_natively_and_on_chain() {
    let subject = &toy_circuits()[2];
    repin(subject);
    let (file, claim) = stored();
    assert_eq!(file["key"], digest(subject), "the proof is of another key");
    let mut chain = subject.chain.clone();
    assert_eq!(subject.native(&claim), Ok(()));
    let outcome = subject.call(&mut chain, calldata("verify", &claim.proof, &claim.instances), FORWARDED);
    assert_eq!(outcome.verdict(), Ok(()));
    assert!(subject.reference(&mut chain, &claim, FORWARDED).success);

    // The same with another number of claims, and with one bit of an evaluation flipped.
    let mut other = claim.clone();
    other.instances[1][31] ^= 1;
    let mut flipped = claim;
    flipped.proof[subject.scalars[0] + 31] ^= 1;
    for claim in [other, flipped] {
        assert_eq!(subject.native(&claim), Err(Fault::Equation));
        let outcome = subject.call(&mut chain, calldata("verify", &claim.proof, &claim.instances), FORWARDED);
        assert_eq!(outcome.verdict(), Err(Fault::Equation));
    }
}
