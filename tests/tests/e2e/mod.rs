//! Attacks on a whole pool with real proofs, each on a local node, each answered by the error it deserves.
//!
//! [`zkpoc_tests::world`] is the stage: chain, pool, members, datasets. The attacks are sorted by what they abuse:
//! [`binding`] proofs used elsewhere, [`draw`] another shard than the drawn one, [`statement`] another statement than the
//! proven one, [`registry`] attestations and validity results, [`rounds`] the end of a round,
//! [`batch`] several claims in one transaction, [`masked`] groups whose members see nothing of each other, [`vana`] files of Vana's registry, [`srs`] another reference string; [`ledger`] says where gas goes. [`golden`] pins what the real ceremony file gives.

mod batch;
mod binding;
mod draw;
mod golden;
mod ledger;
mod masked;
mod registry;
mod rounds;
mod srs;
mod statement;
mod vana;

use alloy::primitives::U256;
use zkpoc_tests::world::{dataset, model, refusal, World};

#[test]
fn accepts_an_honest_claim_once() {
    let world = World::new();
    let (member, data, model) = (world.member(), dataset(8), model("honest"));
    world.register(&member, &data);
    world.open(&model);
    world.seal(1);
    let prepared = member.honest(&world, &data, &model, 1);
    let balance = || world.view().balance(member.address()).expect("a balance");
    assert_eq!(balance(), U256::ZERO);
    member.claim(&world.pool, &prepared).expect("claimed");
    assert_eq!(balance(), U256::ZERO);
    assert_eq!(world.view().round(1).expect("the round").claims, 1);

    // Double claim: the same bytes, then a fresh proof of the same step.
    assert_eq!(refusal(member.claim(&world.pool, &prepared)), "ZkPocRoundsAlreadyClaimed");
    let fields = member.fields(&world.pool, &data, 1, prepared.index);
    let again = member.train(&world.pool, &data, &model, &fields);
    assert_ne!(again.claim.proof, prepared.claim.proof);
    assert_eq!(refusal(member.claim(&world.pool, &again)), "ZkPocRoundsAlreadyClaimed");
}

#[test]
fn accepts_a_claim_that_brings_its_validity_proof() {
    let world = World::new();
    let (member, data, model) = (world.member(), dataset(4), model("together"));
    world.register(&member, &data);
    world.open(&model);
    world.seal(1);
    let index = world.view().drawn_index(1, data.manifest.root).expect("drawn");
    let fields = member.fields(&world.pool, &data, 1, index);
    let mut prepared = member.train(&world.pool, &data, &model, &fields);
    assert_eq!(refusal(member.claim(&world.pool, &prepared)), "ZkPocRoundsNotValidated");
    let validity = member.validity(&world.pool, &data, index);
    prepared.claim.datasetProof = validity.call.proof;
    prepared.claim.datasetLink = validity.call.link;
    member.claim(&world.pool, &prepared).expect("claimed");
    assert_eq!(world.view().round(1).expect("the round").claims, 1);
}
