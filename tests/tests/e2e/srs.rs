//! The reference string: the deployed contracts hold one `[tau]_2`, and know no proof under another.

use alloy::primitives::{keccak256, Bytes, U256};
use halo2_proofs::halo2curves::bn256::Fr;
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::grid::Grid;
use zkpoc_circuits::kind::ProfileCircuit;
use zkpoc_circuits::training::TrainingCircuit;
use zkpoc_client::chain::words::scalar_to_word;
use zkpoc_client::chain::Mode;
use zkpoc_contracts::bindings::Verifier;
use zkpoc_engine::encoding::point_to_bytes;
use zkpoc_prover::blinding::random_blinding;
use zkpoc_prover::keys::ProverKey;
use zkpoc_prover::prove::*;
use zkpoc_prover::srs::Srs;

use zkpoc_tests::world::dataset;
use zkpoc_tests::world::kit;
use zkpoc_tests::world::model;
use zkpoc_tests::world::refusal;
use zkpoc_tests::world::World;

fn places(code: &[u8], part: &[u8]) -> usize {
    code.windows(part.len()).filter(|window| *window == part).count()
}

#[test]
fn the_deployed_keys_hold_tau_and_the_verifiers_pin_their_code() {
    let world = World::new();
    let tau = kit().srs.tau_g2_bytes();
    let code = |name: &str| world.operator.code(world.pool.address(name).expect("a contract")).expect("code");
    for circuit in ["Training", "Dataset", "Round"] {
        let key = code(&format!("{circuit}Key"));
        assert_eq!(places(&key, &tau), 1, "{circuit}Key");
        let verifier = code(&format!("{circuit}Verifier"));
        assert!(places(&verifier, keccak256(&key).as_slice()) > 0, "{circuit}Verifier");
        // Another tau is another code.
        let mut other = key.to_vec();
        let at = key.windows(tau.len()).position(|window| *window == tau).expect("tau");
        other[at] ^= 1;
        assert_eq!(places(&verifier, keccak256(other).as_slice()), 0);
    }
    // The registry takes data committed under this string only.
    let (member, mut data) = (world.member(), dataset(1));
    data.manifest.srs_digest = keccak256("another string");
    let signed = world.attest(&world.pool, &member, &data);
    let answer = member.view(&world.pool).register(&signed.attestation, &signed.signature, Mode::Send);
    assert_eq!(refusal(answer), "ZkPocRegistrySrsMismatch");
}

/// Proofs of one shard's training step and validity under a string.
fn proofs(srs: &Srs) -> [(&'static str, Vec<u8>, Vec<Fr>); 2] {
    let profile = &kit().profile;
    let (training, validity) = (key::<TrainingCircuit>(srs), key::<DatasetCircuit>(srs));
    let grid = &training.circuit().plan().grid;
    let (shard, model) = (&dataset(1).shards[0], &model("another string"));
    assert_eq!(training.profile(), profile);
    let blinding = random_blinding();
    let registered = &Registered { commitment: commit_shard(srs, grid, shard, &blinding).expect("a point"), blinding };
    let request = TrainingRequest { model, shard, registered, buckets: None, context: Fr::from(7) };
    let proving = ProvingContext::new(srs, &training).expect("a context");
    let made = prove_training(&proving, &request, &mut |_| {}).expect("a proof");
    let proving = ProvingContext::new(srs, &validity).expect("a context");
    let valid = prove_dataset(&proving, shard, registered, Fr::from(7), &mut |_| {}).expect("a proof");
    [("TrainingVerifier", made.proof, made.instances), ("DatasetVerifier", valid.proof, valid.instances)]
}

fn key<C: ProfileCircuit>(srs: &Srs) -> ProverKey<C> {
    ProverKey::generate(&kit().profile, srs).expect("a key")
}

#[test]
fn rejects_proofs_under_another_reference_string() {
    // Whoever made a string can prove anything under it; under the pool's string these proofs are nothing.
    let world = World::new();
    let kit = kit();
    let check = |name: &str, proof: Vec<u8>, instances: &[Fr]| {
        let address = world.pool.address(name).expect("a verifier");
        let instances: Vec<U256> = instances.iter().map(scalar_to_word).collect();
        world.operator.call(address, &Verifier::verifyCall { proof: Bytes::from(proof), instances }).map(|_| ())
    };
    for (name, proof, instances) in proofs(&kit.srs) {
        check(name, proof, &instances).expect("an honest proof");
    }
    let other = Srs::dev_insecure(kit.profile.k).expect("a string");
    for (name, proof, instances) in proofs(&other) {
        assert_eq!(refusal(check(name, proof.clone(), &instances)), "PairingFailed", "{name}");
        if name == "TrainingVerifier" {
            // Nor with the point that the contract compares put in from the right string.
            let grid = Grid::new(&kit.profile).expect("a grid");
            let model = model_commitment(&kit.srs, &grid, &model("another string")).expect("a model");
            let points: Vec<u8> = model.iter().flat_map(point_to_bytes).collect();
            let patched = [&points[..], &proof[points.len()..]].concat();
            assert_eq!(refusal(check(name, patched, &instances)), "PairingFailed", "{name}");
        }
    }
}
