//! What the real ceremony file pins for `toy`: verifying keys, generated Solidity, key data, and a stored proof.
//!
//! A change here is a change of the verifying key: it belongs into the changelog under "Circuit changes".

use alloy::primitives::{keccak256, B256};
use zkpoc_circuits::training::TrainingCircuit;
use zkpoc_client::formats::bundle::ProofBundle;
use zkpoc_client::formats::bundle::{verify_bundle, Expected};
use zkpoc_prover::keys::KeyCache;
use zkpoc_prover::link::link_bases;

use zkpoc_tests::world::dataset;
use zkpoc_tests::world::kit;
use zkpoc_tests::world::model;
use zkpoc_tests::world::World;

/// The stored proof.
const PROOF: &[u8] = include_bytes!("../../data/toy/training-proof.json");

fn hex(text: &str) -> B256 {
    text.parse().expect("32 bytes in hexadecimal")
}

#[test]
fn golden_keys_and_solidity_of_toy() {
    let kit = kit();
    let found = [
        kit.keys.training.digest(),
        kit.keys.dataset.digest(),
        kit.keys.round.digest(),
        keccak256(&kit.generated.training.verifier_sol),
        keccak256(&kit.generated.training.key_bytes),
        keccak256(&kit.generated.dataset.verifier_sol),
        keccak256(&kit.generated.dataset.key_bytes),
        keccak256(&kit.generated.round.verifier_sol),
        keccak256(&kit.generated.round.key_bytes),
        keccak256(&kit.generated.link_bases_sol),
        keccak256(&kit.generated.zero_model_sol),
    ];
    let pinned = [
        hex("0x2a146d76f029fb6c5df70f4bbf5b088ebf0cfe3e847febbfa3afa802e2f05583"),
        hex("0x04857fecc97cda06c01a59655d62d3deffea6eb28bce18fb8f860e39261a6f9c"),
        hex("0x13cdefc99fcf597c00ba88d9c698b2a13993c71a9867aafe679afccf2f0f19e1"),
        hex("0x79d4a04260f9c0d4e41493ff5c08b0d54c8fdadf3e9eabbf426f57fb2775d68e"),
        hex("0x350e66cdd7e2acc82e5472fd9868165227529572b5493fca1b8f538d9871f81a"),
        hex("0x01e18a6a4ecf99fcd8b14727922cd51c98dce1cf8c36f807dc3b1fab0268b438"),
        hex("0xf25ca2565cf8c46476deb80cf8fdd7181ed65d16a81bc63b9c6f2052672872a8"),
        hex("0x2e8794d664491996afa56e9d2d0923a6d5dc73eb13baf0e3e892b2b2629d39e7"),
        hex("0x5ace22a51409aa6fefd4d34999046a1615752d0c38fdeec84113f3b295fda019"),
        hex("0xd7f2401d4d641c9df08d0d5d816340211bd753b521efe1c66b6d2ac822349bdd"),
        hex("0x3c0f8d3d6d2edd65b71ff35caf093aafea225ec9ced16f55727cc5b71df87a8f"),
    ];
    assert_eq!(found, pinned);
}

/// With `ZKPOC_REPIN` set to a file, writes a fresh proof there first: for a new profile id, on purpose.
fn repin() {
    let Ok(file) = std::env::var("ZKPOC_REPIN") else { return };
    let world = World::new();
    let (member, data, model) = (world.member(), dataset(1), model("pinned"));
    let fields = member.fields(&world.pool, &data, 1, 0);
    let prepared = member.train(&world.pool, &data, &model, &fields);
    std::fs::write(file, prepared.record.bundle.to_json()).expect("written");
}

#[test]
fn golden_proof_of_toy_still_verifies() {
    repin();
    let kit = kit();
    let cache = KeyCache::new(&kit.home.keys_dir());
    let (key, _) = cache.verifier::<TrainingCircuit>(&kit.profile, &kit.srs).expect("a key");
    let bundle = ProofBundle::from_json(PROOF).expect("a proof file");
    let bases = link_bases(&kit.srs).expect("bases");
    let expected = Expected { model: None, linked: true };
    verify_bundle(&key, &kit.srs, &bases, &bundle, &expected).expect("the stored proof verifies");

    // The same file with one bit of the proof flipped does not.
    let mut flipped = bundle;
    if let Some(byte) = flipped.proof.last_mut() {
        *byte ^= 1;
    }
    assert!(verify_bundle(&key, &kit.srs, &bases, &flipped, &expected).is_err());
}
