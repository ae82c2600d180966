//! The beacon chooses the shard, after the data and the model are fixed.

use alloy::primitives::B256;
use zkpoc_client::chain::words::point_to_words;
use zkpoc_client::chain::{Mode, PoolClient};
use zkpoc_contracts::bindings::digests::{leaf, merkle_path, merkle_root};
use zkpoc_contracts::bindings::G1Point;

use zkpoc_tests::world::dataset;
use zkpoc_tests::world::model;
use zkpoc_tests::world::refusal;
use zkpoc_tests::world::statement;
use zkpoc_tests::world::World;
use zkpoc_tests::world::BEACON_DELAY;

#[test]
fn rejects_a_favourite_leaf_as_the_drawn_one() {
    let world = World::new();
    let (member, data, model) = (world.member(), dataset(8), model("favourite"));
    world.register(&member, &data);
    world.open(&model);
    world.seal(1);
    let drawn = world.view().drawn_index(1, data.manifest.root).expect("drawn");
    let favourite = (drawn + 1) % 8;
    member.validate(&world.pool, &data, favourite);
    // Everything about it is honest, but it is not the drawn one.
    let fields = member.fields(&world.pool, &data, 1, favourite);
    let prepared = member.train(&world.pool, &data, &model, &fields);
    assert_eq!(refusal(member.claim(&world.pool, &prepared)), "ZkPocRoundsNotInRoot");
    // Nor does it become the drawn one under the drawn one's path.
    let mut moved = prepared.claim.clone();
    moved.path = merkle_path(&data.manifest.leaves(), drawn as usize).expect("a path");
    assert_eq!(refusal(member.view(&world.pool).claim(moved, Mode::Send)), "ZkPocRoundsNotInRoot");
}

#[test]
fn rejects_leaves_that_name_another_index() {
    let world = World::new();
    let (member, mut data, model) = (world.member(), dataset(2), model("one index"));
    // Both leaves name index 0 and hold the favourite shard; whoever attests this is part of the fraud.
    let [x, y] = point_to_words(&data.manifest.commitments[0]);
    let favourite = leaf(data.manifest.profile_id, 0, &G1Point { x, y });
    let leaves = [favourite, favourite];
    data.manifest.root = merkle_root(&leaves).expect("a root");
    world.register(&member, &data);
    world.open(&model);
    world.seal(1);
    let mut round = 1;
    // Until index 1 is drawn: a few rounds, each with an even chance.
    while world.view().drawn_index(round, data.manifest.root).expect("drawn") == 0 {
        world.void_round();
        round += 1;
        world.seal(round);
    }
    let fields = member.fields(&world.pool, &data, round, 1);
    let mut prepared = {
        let fields = zkpoc_contracts::bindings::digests::TrainingContext { index: 0, ..fields };
        member.train(&world.pool, &data, &model, &fields)
    };
    for path in [0, 1].map(|place| merkle_path(&leaves, place).expect("a path")) {
        prepared.claim.path = path;
        assert_eq!(refusal(member.claim(&world.pool, &prepared)), "ZkPocRoundsNotInRoot");
    }
}

#[test]
fn rejects_a_claim_before_the_beacon() {
    let world = World::new();
    let (member, data, model) = (world.member(), dataset(1), model("early"));
    world.register(&member, &data);
    world.open(&model);
    let prepared = member.train(&world.pool, &data, &model, &member.fields(&world.pool, &data, 1, 0));
    assert_eq!(refusal(member.claim(&world.pool, &prepared)), "ZkPocRoundsNotSealed");
    assert_eq!(refusal(world.view().seal(1, Mode::Send)), "ZkPocRoundsTooEarly");
    assert_eq!(refusal(world.view().drawn_index(1, data.manifest.root)), "ZkPocRoundsNotSealed");
    world.seal(1);
    assert_eq!(refusal(world.view().seal(1, Mode::Send)), "ZkPocRoundsSealed");
}

#[test]
fn accepts_a_new_beacon_when_one_was_missed() {
    let world = World::new();
    let (member, data, model) = (world.member(), dataset(4), model("missed"));
    world.register(&member, &data);
    world.open(&model);
    let first = world.view().round(1).expect("the round").beaconBlock;
    world.node.mine(&world.operator, 300).expect("blocks");
    world.view().seal(1, Mode::Send).expect("a new beacon block");
    let round = world.view().round(1).expect("the round");
    assert!(round.beaconBlock > first && round.beacon == B256::ZERO);
    world.node.mine(&world.operator, BEACON_DELAY + 1).expect("blocks");
    world.view().seal(1, Mode::Send).expect("sealed");
    let prepared = member.honest(&world, &data, &model, 1);
    member.claim(&world.pool, &prepared).expect("paid");
}

#[test]
fn rejects_data_registered_when_the_model_was_known() {
    let world = World::new();
    let (member, data, model) = (world.member(), dataset(1), model("late"));
    let (early, old) = (world.member(), dataset(1));
    world.register(&early, &old);
    world.open(&model);
    world.register(&member, &data);
    world.seal(1);
    let prepared = member.honest(&world, &data, &model, 1);
    assert_eq!(refusal(member.claim(&world.pool, &prepared)), "ZkPocRoundsRegisteredLate");
    // The same model in the next round was known when there were claims about it.
    let claimed = early.honest(&world, &old, &model, 1);
    early.claim(&world.pool, &claimed).expect("claimed");
    world.void_round();
    world.seal(2);
    let prepared = member.train(&world.pool, &data, &model, &member.fields(&world.pool, &data, 2, 0));
    assert_eq!(refusal(member.claim(&world.pool, &prepared)), "ZkPocRoundsRegisteredLate");
    // A new model was not.
    let fresh = super::rounds::finish(&world, &[(&early, &old)], &model);
    world.seal(3);
    let prepared = member.train(&world.pool, &data, &fresh, &member.fields(&world.pool, &data, 3, 0));
    member.claim(&world.pool, &prepared).expect("paid");
}

#[test]
fn rejects_two_live_roots_of_one_subject() {
    let world = World::new();
    let (member, first, second, model) = (world.member(), dataset(1), dataset(1), model("two roots"));
    let subject = B256::repeat_byte(7);
    let view = PoolClient::unchecked(&member.client, &world.pool).expect("a pool");
    let register = |data: &zkpoc_client::home::Dataset, epoch: u64| {
        let registry = view.registry().expect("a registry");
        let owner = member.address();
        let audience = zkpoc_client::attest::Audience { chain_id: world.operator.chain_id(), registry, owner };
        let attestation = zkpoc_contracts::bindings::Attestation { subject, epoch, ..statement(data, owner) };
        let signed = zkpoc_client::attest::sign(attestation, &audience, &world.attestor).expect("signed");
        view.register(&signed.attestation, &signed.signature, Mode::Send)
    };
    register(&first, 1).expect("registered");
    assert_eq!(refusal(register(&second, 1)), "ZkPocRegistryEpochNotNewer");
    register(&second, 2).expect("replaced");
    world.open(&model);
    world.seal(1);
    for (data, expected) in [(&first, Some("ZkPocRoundsSuperseded")), (&second, None)] {
        member.validate(&world.pool, data, 0);
        let fields =
            zkpoc_contracts::bindings::digests::TrainingContext { subject, ..member.fields(&world.pool, data, 1, 0) };
        let prepared = member.train(&world.pool, data, &model, &fields);
        match expected {
            Some(name) => assert_eq!(refusal(member.claim(&world.pool, &prepared)), name),
            None => {
                member.claim(&world.pool, &prepared).expect("claimed");
                assert_eq!(world.view().round(1).expect("the round").claims, 1);
            }
        }
    }
}
