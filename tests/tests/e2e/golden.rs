//! What the real ceremony file pins for `toy`: verifying keys, generated Solidity, key data, and a stored proof.
//!
//! A change here is a change of the verifying key: it belongs into the changelog under "Circuit changes".

use alloy::primitives::{keccak256, B256};
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::training::TrainingCircuit;
use zkpoc_prover::formats::bundle::ProofBundle;
use zkpoc_prover::keys::KeyCache;
use zkpoc_prover::link::link_bases;
use zkpoc_prover::verify::{verify_bundle, Expected};

use crate::world::kit;

/// The stored proof.
const PROOF: &[u8] = include_bytes!("../../data/toy/training-proof.json");

fn hex(text: &str) -> B256 {
    text.parse().expect("32 bytes in hexadecimal")
}

#[test]
fn golden_keys_and_solidity_of_toy() {
    let kit = kit();
    let cache = KeyCache::new(&kit.home.keys_dir());
    let (training, _) = cache.verifier::<TrainingCircuit>(&kit.profile, &kit.srs).expect("a key");
    let (dataset, _) = cache.verifier::<DatasetCircuit>(&kit.profile, &kit.srs).expect("a key");
    let found = [
        training.digest(),
        dataset.digest(),
        keccak256(&kit.generated.training.verifier_sol),
        keccak256(&kit.generated.training.key_bytes),
        keccak256(&kit.generated.dataset.verifier_sol),
        keccak256(&kit.generated.dataset.key_bytes),
        keccak256(&kit.generated.link_bases_sol),
    ];
    let pinned = [
        hex("0x0cded43673b4a032c8bdcb774469c090964768f0e686495f6caa1e53286836a7"),
        hex("0x2f62ced10b1a46e58fb215d0d847e92aec8e84692d8504ea2e4e107f6bbcf403"),
        hex("0x284fd8302daaf61294d4c1e58381c6c76ecc0c8f59cd6d64d0b434d30838a48e"),
        hex("0x1ae7ae53a89253450ace881a23e166fd6060ab2f59664b30c7147c259fe72a7e"),
        hex("0xd47460d77808ee2935ab9d2c325f5a14a967e0b3c0b110ceac97c6316f6aa31b"),
        hex("0xb2c1c42903c05e863bf4d53b6c7eebc29e46ef1dda779bed7b675b1cf1843000"),
        hex("0xd7f2401d4d641c9df08d0d5d816340211bd753b521efe1c66b6d2ac822349bdd"),
    ];
    assert_eq!(found, pinned);
}

#[test]
fn golden_proof_of_toy_still_verifies() {
    let kit = kit();
    let cache = KeyCache::new(&kit.home.keys_dir());
    let (key, _) = cache.verifier::<TrainingCircuit>(&kit.profile, &kit.srs).expect("a key");
    let bundle = ProofBundle::from_json(PROOF).expect("a proof file");
    let bases = link_bases(kit.srs.params()).expect("bases");
    let expected = Expected { model: None, linked: true };
    verify_bundle(&key, &kit.srs, &bases, &bundle, &expected).expect("the stored proof verifies");

    // The same file with one bit of the proof flipped does not.
    let mut flipped = bundle;
    if let Some(byte) = flipped.proof.last_mut() {
        *byte ^= 1;
    }
    assert!(verify_bundle(&key, &kit.srs, &bases, &flipped, &expected).is_err());
}
