//! A proof counts in one round, of one contract, on one chain, for one sender.
//!
//! The link proof is bound to the same context as the proof and is checked first, so a replayed claim is refused by its link.
//! That the proof itself is bound is asked from the verifier directly.

use alloy::primitives::{Bytes, U256};
use alloy::signers::local::PrivateKeySigner;
use zkpoc_client::chain::node::CHAIN_ID;
use zkpoc_client::chain::{ChainError, Client};
use zkpoc_client::contribute::Prepared;
use zkpoc_contracts::bindings::digests::TrainingContext;
use zkpoc_contracts::bindings::Verifier;

use zkpoc_tests::world::dataset;
use zkpoc_tests::world::model;
use zkpoc_tests::world::refusal;
use zkpoc_tests::world::World;

/// Asks the training verifier about a proof under a context.
fn verify(world: &World, client: &Client, prepared: &Prepared, fields: &TrainingContext) -> Result<(), ChainError> {
    let instances =
        vec![fields.value(), U256::from(1) << prepared.claim.normLog2, U256::from(1) << prepared.claim.lossLog2];
    ask(world, client, prepared.claim.proof.clone(), instances)
}

fn ask(world: &World, client: &Client, proof: Bytes, instances: Vec<U256>) -> Result<(), ChainError> {
    let verifier = world.pool.address("TrainingVerifier").expect("a verifier");
    client.call(verifier, &Verifier::verifyCall { proof, instances }).map(drop)
}

#[test]
fn rejects_a_proof_of_another_round() {
    let world = World::new();
    // One shard, so that every round draws the same one.
    let (member, data, model) = (world.member(), dataset(1), model("rounds"));
    world.register(&member, &data);
    world.open(&model);
    world.seal(1);
    let mut prepared = member.honest(&world, &data, &model, 1);
    world.void_round();
    assert_eq!(refusal(member.claim(&world.pool, &prepared)), "ZkPocRoundsNotOpen");
    world.seal(2);
    prepared.claim.round = U256::from(2);
    assert_eq!(refusal(member.claim(&world.pool, &prepared)), "ZkPocLinkInvalid");
    let (first, second) = (member.fields(&world.pool, &data, 1, 0), member.fields(&world.pool, &data, 2, 0));
    verify(&world, &member.client, &prepared, &first).expect("the round it was made for");
    assert_eq!(refusal(verify(&world, &member.client, &prepared, &second)), "PairingFailed");
    // The step itself may be claimed in round 2, with a proof made for it.
    let fresh = member.train(&world.pool, &data, &model, &second);
    member.claim(&world.pool, &fresh).expect("paid");
}

#[test]
fn rejects_a_proof_sent_by_another() {
    let world = World::new();
    let (member, thief, data, model) = (world.member(), world.member(), dataset(2), model("sender"));
    world.register(&member, &data);
    world.open(&model);
    world.seal(1);
    let prepared = member.honest(&world, &data, &model, 1);
    assert_eq!(refusal(thief.claim(&world.pool, &prepared)), "ZkPocRoundsNotOwner");
    let fields = TrainingContext { claimant: thief.address(), ..member.fields(&world.pool, &data, 1, prepared.index) };
    assert_eq!(refusal(verify(&world, &thief.client, &prepared, &fields)), "PairingFailed");
    member.claim(&world.pool, &prepared).expect("its owner is paid");
}

#[test]
fn rejects_a_proof_for_another_contract() {
    let world = World::new();
    let other = world.second_pool();
    let (member, data, model) = (world.member(), dataset(1), model("contract"));
    for pool in [&world.pool, &other] {
        world.register_in(pool, &member, &data);
    }
    world.open(&model);
    world.seal(1);
    let twin = World { pool: other, ..world };
    twin.open(&model);
    twin.seal(1);
    let member_fields = member.fields(&twin.pool, &data, 1, 0);
    member.validate(&twin.pool, &data, 0);
    // Made for the first pool, sent to the second: everything but the contract is the same.
    let foreign = member.fields(&world.pool, &data, 1, 0);
    let prepared = member.train(&twin.pool, &data, &model, &foreign);
    assert_eq!(refusal(member.claim(&twin.pool, &prepared)), "ZkPocLinkInvalid");
    assert_eq!(refusal(verify(&twin, &member.client, &prepared, &member_fields)), "PairingFailed");
}

#[test]
fn rejects_a_proof_for_another_chain() {
    // The same keys send the same transactions, so both pools have the same addresses.
    let (operator, attestor) = (PrivateKeySigner::random(), PrivateKeySigner::random());
    let here = World::with(CHAIN_ID, operator.clone(), attestor.clone());
    let there = World::with(1337, operator, attestor);
    let rounds = |world: &World| world.pool.address("ContributionRounds").expect("rounds");
    assert_eq!(rounds(&here), rounds(&there));
    let (member, data, model) = (here.member(), dataset(1), model("chain"));
    here.register(&member, &data);
    here.open(&model);
    here.seal(1);
    let fields = TrainingContext { chain_id: 1337, ..member.fields(&here.pool, &data, 1, 0) };
    member.validate(&here.pool, &data, 0);
    let prepared = member.train(&here.pool, &data, &model, &fields);
    assert_eq!(refusal(member.claim(&here.pool, &prepared)), "ZkPocLinkInvalid");
}

#[test]
fn rejects_a_public_input_plus_r() {
    let world = World::new();
    let (member, data, model) = (world.member(), dataset(1), model("plus r"));
    let fields = member.fields(&world.pool, &data, 1, 0);
    let prepared = member.train(&world.pool, &data, &model, &fields);
    let good = vec![fields.value(), U256::from(1) << prepared.claim.normLog2, U256::from(1) << prepared.claim.lossLog2];
    let proof = || prepared.claim.proof.clone();
    ask(&world, &member.client, proof(), good.clone()).expect("honest");
    for input in 0..good.len() {
        let mut bad = good.clone();
        bad[input] += zkpoc_contracts::bindings::digests::GROUP_ORDER;
        assert_eq!(refusal(ask(&world, &member.client, proof(), bad)), "InstanceNotCanonical", "input {input}");
    }
    let mut short = good.clone();
    short.pop();
    assert_eq!(refusal(ask(&world, &member.client, proof(), short)), "InstanceCount");
    let mut longer = proof().to_vec();
    longer.push(0);
    assert_eq!(refusal(ask(&world, &member.client, longer.into(), good)), "ProofLength");
}
