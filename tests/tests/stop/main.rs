//! Who can forge proofs, and is honest, ends the pool; who cannot, does not.
//!
//! The reference string's secret is known here, so false statements have accepted proofs ([`forge`]): real keys, real contracts
//! on a node, proofs that both verifiers accept.

mod forge;

use alloy::primitives::U256;
use forge::{forge, on_chain};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::group::Curve;
use zkpoc_circuits::grid::Grid;
use zkpoc_circuits::kind::CircuitKind;
use zkpoc_circuits::profile::Profile;
use zkpoc_client::chain::words::scalar_to_word;
use zkpoc_client::chain::{Mode, PoolClient};
use zkpoc_client::contracts_gen::ProfileKeys;
use zkpoc_client::contradiction::{difference, DifferenceError};
use zkpoc_client::formats::evidence::EvidenceFile;
use zkpoc_client::watch::Watcher;
use zkpoc_contracts::bindings::{Circuit, ContributionToken, Evidence, StopReason, VerifierRouter};
use zkpoc_contracts::deploy::TOKEN;
use zkpoc_engine::encoding::{point_from_bytes, point_to_bytes, scalar_from_bytes};
use zkpoc_prover::keys::VerifierKey;
use zkpoc_prover::prove::{model_commitment, UpdateOpening};
use zkpoc_prover::srs::Srs;
use zkpoc_prover::verify::{verify_alone, verify_round_alone};
use zkpoc_tests::world::{dataset, kit, model, profile_id, prove, refusal, World, REWARD};

/// The secret of the reference string.
const TAU: u64 = 0x0005_ec2e_7000_0001;

/// A pool on a reference string whose secret is known.
fn world() -> World {
    let k = Profile::builtin("toy").expect("the profile").k;
    World::on_reference_string(Srs::of_known_secret(k, Fr::from(TAU)).expect("a string"))
}

fn evidence(proof: &[u8], instances: &[Fr]) -> Evidence {
    Evidence { proof: proof.to_vec().into(), instances: instances.iter().map(scalar_to_word).collect() }
}

fn scalar(value: U256) -> Fr {
    scalar_from_bytes(&value.to_be_bytes()).expect("below the order")
}

/// What the native verifier says.
fn natively(circuit: Circuit, proof: &[u8], instances: &[Fr]) -> bool {
    let ProfileKeys { training, dataset, round } = &kit().keys;
    match circuit {
        Circuit::Training => verify_alone(training, &kit().srs, proof, instances).is_ok(),
        Circuit::Dataset => verify_alone(dataset, &kit().srs, proof, instances).is_ok(),
        _ => verify_round_alone(round, &kit().srs, proof, instances).is_ok(),
    }
}

/// The generator commits to the column of all ones.
fn put_generator(proof: &mut [u8], column: usize) {
    proof[64 * column..64 * (column + 1)].copy_from_slice(&point_to_bytes(&G1Affine::generator()));
}

/// A false statement of each circuit: its key, an honest proof's bytes about it, and its public inputs.
struct Canary {
    circuit: Circuit,
    key: &'static VerifierKey,
    honest: (Vec<u8>, Vec<Fr>),
    bytes: Vec<u8>,
    instances: Vec<Fr>,
}

#[test]
fn accepts_a_forged_canary_of_each_circuit_and_stops_the_pool() {
    let world = world();
    let (member, data, model) = (world.member(), dataset(4), model("canary"));
    world.register(&member, &data);
    world.open(&model);
    world.seal(1);
    let prepared = member.honest(&world, &data, &model, 1);
    let training = (prepared.claim.proof.to_vec(), prepared.record.bundle.instances.clone());
    let validity = member.validity(&world.pool, &data, 0);
    let shard = (validity.bundle.proof.clone(), validity.bundle.instances.clone());
    let grid = Grid::new(&kit().profile).expect("a grid");
    let sum = UpdateOpening::of_first_model(&kit().profile, &grid, &model);
    let step = prove(&zkpoc_circuits::reference::Model::zero(&kit().profile), &sum, 1, U256::from(5));
    let round = (step.proof, step.instances);

    let columns = kit().profile.model_points();
    let mut canaries = [
        (Circuit::Training, &kit().keys.training, training),
        (Circuit::Dataset, &kit().keys.dataset, shard),
        (Circuit::Round, &kit().keys.round, round),
    ]
    .map(|(circuit, key, honest)| Canary {
        circuit,
        key,
        bytes: honest.0.clone(),
        instances: honest.1.clone(),
        honest,
    });
    canaries[0].instances[2] = Fr::ZERO;
    put_generator(&mut canaries[1].bytes, 0);
    put_generator(&mut canaries[2].bytes, 2 * columns);

    for canary in canaries {
        let Canary { circuit, key, honest, bytes, instances } = canary;
        let pool = world.second_pool();
        let view = PoolClient::unchecked(&member.client, &pool).expect("a pool");
        let trip =
            |proof: &[u8], instances: &[Fr]| view.stop_by_canary(circuit, evidence(proof, instances), Mode::Send);
        // Honest proofs are no canaries, and an honest proof's bytes are no proof of one.
        assert!(natively(circuit, &honest.0, &honest.1));
        assert_eq!(refusal(trip(&honest.0, &honest.1)), "ZkPocStopNotCanary");
        assert!(!natively(circuit, &bytes, &instances));
        assert_eq!(refusal(trip(&bytes, &instances)), "PairingFailed");
        assert_eq!(refusal(trip(&bytes[1..], &instances)), "ZkPocStopProofLength");
        assert!(matches!(view.stop_reason().expect("a reason"), StopReason::None));

        let forged = forge(&view, circuit, key, bytes, &instances);
        assert!(natively(circuit, &forged, &instances), "{circuit:?}: the native verifier");
        on_chain(&view, circuit, &forged, &instances).expect("the deployed verifier");
        // One bit less is no proof.
        let mut bent = forged.clone();
        bent[200] ^= 1;
        assert!(trip(&bent, &instances).is_err());
        let outcome = trip(&forged, &instances).expect("stopped");
        println!("canary of the {circuit:?} circuit: {} gas", outcome.gas());
        let event = outcome.receipt().and_then(|receipt| receipt.event::<VerifierRouter::ProfileStopped>());
        let event = event.expect("an event");
        assert_eq!((event.reason, event.circuit, event.tripper), (StopReason::Canary, circuit, member.address()));
        assert_eq!(refusal(trip(&forged, &instances)), "ZkPocRouterStopped");
        assert!(matches!(view.stop_reason().expect("a reason"), StopReason::Canary));
    }
}

#[test]
fn rejects_every_honest_step_after_the_stop_and_tells_watchers() {
    let world = world();
    let (member, data, model) = (world.member(), dataset(4), model("stopped"));
    world.register(&member, &data);
    world.open(&model);
    world.seal(1);
    let first = member.honest(&world, &data, &model, 1);
    let validity = member.validity(&world.pool, &data, (first.index + 1) % 4);
    let first_proof = world.first_proof(&model, profile_id(&kit().profile));
    let view = member.view(&world.pool);

    let mut instances = first.record.bundle.instances.clone();
    instances[2] = Fr::ZERO;
    let forged = forge(&view, Circuit::Training, &kit().keys.training, first.claim.proof.to_vec(), &instances);
    // The evidence goes through its file.
    let file = EvidenceFile {
        profile_id: profile_id(&kit().profile),
        circuit: CircuitKind::Training,
        instances,
        proof: forged,
    };
    let file = EvidenceFile::from_json(&file.to_json()).expect("a file");
    view.stop_by_canary(Circuit::Training, file.evidence(), Mode::Send).expect("stopped");

    assert_eq!(refusal(member.claim(&world.pool, &first)), "ZkPocRouterStopped");
    assert_eq!(refusal(view.validate_shard(&validity.call, Mode::Send)), "ZkPocRouterStopped");
    assert_eq!(
        refusal(world.view().open_genesis(alloy::primitives::B256::ZERO, first_proof, Mode::Send)),
        "ZkPocRoundsGenesisSet"
    );
    let call = ContributionToken::totalSupplyCall {};
    let supply = world.operator.call(world.pool.address(TOKEN).expect("a token"), &call).expect("a supply");
    assert_eq!(supply, U256::ZERO, "of {REWARD} a claim");

    let watcher = Watcher::new(&view, &kit().profile, &kit().srs, &kit().keys).expect("a watcher");
    let latest = world.operator.block_number().expect("a block");
    let seen = watcher.see(0, latest).expect("events");
    let stopped = seen.iter().find(|seen| seen.event == "ProfileStopped").expect("the stop is told");
    assert!(stopped.text.contains("STOPPED") && stopped.text.contains("Training"), "{}", stopped.text);
}

#[test]
fn accepts_a_forged_contradiction_but_no_change_of_the_point_alone() {
    let world = world();
    let member = world.member();
    let (profile, srs) = (&kit().profile, &kit().srs);
    let grid = Grid::new(profile).expect("a grid");
    let (from, next, other) = (model("from"), model("next"), model("other"));
    // Any sum will do: here the one that leads from the model of all zeros to `next`.
    let sum = UpdateOpening::of_first_model(profile, &grid, &next);
    let zero = zkpoc_circuits::reference::Model::zero(profile);
    let honest = prove(&zero, &sum, 1, U256::from(1));
    let again = prove(&zero, &sum, 1, U256::from(2));
    assert_eq!((&honest.next, &honest.points), (&next, &again.points));
    let view = member.view(&world.pool);
    let columns = profile.model_points();
    let key = &kit().keys.round;
    let put_next = |points: &[G1Affine]| {
        let mut bytes = honest.proof.clone();
        for (column, point) in points.iter().enumerate() {
            let at = 64 * (2 * columns + column);
            bytes[at..at + 64].copy_from_slice(&point_to_bytes(point));
        }
        bytes
    };
    let instances = vec![scalar(U256::from(3)), Fr::ONE];
    let trip = |proof: &[u8], instances: &[Fr], shown| {
        let both = [evidence(&honest.proof, &honest.instances), evidence(proof, instances)];
        view.stop_by_contradiction(both, shown, Mode::Send)
    };
    assert_eq!(difference(srs, &grid, &next, &next), Err(DifferenceError::Equal));
    let shown = difference(srs, &grid, &next, &other).expect("a difference");

    // Two honest proofs of one step, and an honest proof of another one.
    assert_eq!(refusal(trip(&again.proof, &again.instances, shown.clone())), "ZkPocStopOpening");
    let elsewhere = prove(&from, &sum, 1, U256::from(4));
    assert_eq!(refusal(trip(&elsewhere.proof, &elsewhere.instances, shown.clone())), "ZkPocStopOtherStep");

    // The same next model plus X^n - 1: another point, the same cells. More powers of tau would do to prove it.
    let vanishing = G1Affine::generator() * (Fr::from(TAU).pow([1 << grid.k]) - Fr::ONE);
    let points: Vec<G1Affine> =
        honest.points.next.iter().map(|point| (G1::from(*point) + vanishing).to_affine()).collect();
    let moved = forge(&view, Circuit::Round, key, put_next(&points), &instances);
    on_chain(&view, Circuit::Round, &moved, &instances).expect("the deployed verifier");
    assert_eq!(refusal(trip(&moved, &instances, shown.clone())), "ZkPocStopOpening");
    let mut none = shown.clone();
    none.value = U256::ZERO;
    assert_eq!(refusal(trip(&moved, &instances, none)), "ZkPocStopValue");

    // Another next model for the same step.
    let points = model_commitment(srs, &grid, &other).expect("points");
    let bytes = put_next(&points);
    assert_eq!(refusal(trip(&bytes, &instances, shown.clone())), "PairingFailed");
    let forged = forge(&view, Circuit::Round, key, bytes, &instances);
    assert!(natively(Circuit::Round, &forged, &instances), "the native verifier");
    let last = point_from_bytes(&forged[forged.len() - 64..]);
    assert!(last.is_ok(), "{last:?}");
    let outcome = trip(&forged, &instances, shown).expect("stopped");
    println!("contradiction: {} gas", outcome.gas());
    assert!(matches!(view.stop_reason().expect("a reason"), StopReason::Contradiction));
    let genesis = world.first_proof(&model("late"), profile_id(profile));
    assert_eq!(
        refusal(world.view().open_genesis(alloy::primitives::B256::ZERO, genesis, Mode::Send)),
        "ZkPocRouterStopped"
    );
}
