//! What is claimed must be what was proven: this model, this shard, these bounds.

use alloy::primitives::Bytes;
use zkpoc_circuits::reference::Model;
use zkpoc_client::chain::pool::default_bounds;
use zkpoc_client::chain::Mode;
use zkpoc_client::home::Dataset;
use zkpoc_engine::encoding::point_to_bytes;

use zkpoc_tests::world::dataset;
use zkpoc_tests::world::kit;
use zkpoc_tests::world::model;
use zkpoc_tests::world::refusal;
use zkpoc_tests::world::Member;
use zkpoc_tests::world::World;

/// A sealed round with one registered dataset of one shard, already validated.
fn stage(name: &str) -> (World, Member, Dataset, Model) {
    let world = World::new();
    let (member, data, model) = (world.member(), dataset(1), model(name));
    world.register(&member, &data);
    world.open(&model);
    world.seal(1);
    member.validate(&world.pool, &data, 0);
    (world, member, data, model)
}

#[test]
fn rejects_a_swapped_model() {
    let (world, member, data, _) = stage("the round's");
    let fields = member.fields(&world.pool, &data, 1, 0);
    let prepared = member.train(&world.pool, &data, &model("another"), &fields);
    assert_eq!(refusal(member.claim(&world.pool, &prepared)), "ZkPocRoundsModel");
}

#[test]
fn rejects_a_model_point_put_into_a_proof() {
    let (world, member, data, honest) = stage("put in");
    let fields = member.fields(&world.pool, &data, 1, 0);
    let right = member.train(&world.pool, &data, &honest, &fields);
    let wrong = member.train(&world.pool, &data, &model("another"), &fields);
    // The round's model point in front of a proof about another model.
    let points = 64 * kit().profile.model_points();
    let mut claim = wrong.claim.clone();
    claim.proof = [&right.claim.proof[..points], &wrong.claim.proof[points..]].concat().into();
    assert_eq!(refusal(member.view(&world.pool).claim(claim, Mode::Send)), "PairingFailed");
}

#[test]
fn rejects_the_points_of_another_dataset() {
    let (world, member, data, model) = stage("other data");
    let other = dataset(1);
    let mut fields = member.fields(&world.pool, &data, 1, 0);
    // A proof about records that nobody attested, in the registered shard's name.
    fields.root = data.manifest.root;
    let foreign = member.train(&world.pool, &other, &model, &fields);
    assert_eq!(refusal(member.claim(&world.pool, &foreign)), "ZkPocRoundsNotInRoot");
    let mut claim = foreign.claim.clone();
    let honest = member.train(&world.pool, &data, &model, &fields);
    claim.commitment = honest.claim.commitment.clone();
    claim.path = honest.claim.path;
    assert_eq!(refusal(member.view(&world.pool).claim(claim.clone(), Mode::Send)), "ZkPocLinkInvalid");
    // With the honest proof's data point and link in front of the foreign proof.
    let at = 64 * kit().profile.model_points();
    let mut proof = foreign.claim.proof.to_vec();
    proof[at..at + 64].copy_from_slice(&honest.claim.proof[at..at + 64]);
    claim.proof = proof.into();
    claim.link = honest.claim.link.clone();
    assert_eq!(refusal(member.view(&world.pool).claim(claim, Mode::Send)), "PairingFailed");
}

#[test]
fn rejects_data_that_is_not_linked() {
    let (world, member, data, model) = stage("no link");
    let fields = member.fields(&world.pool, &data, 1, 0);
    let first = member.train(&world.pool, &data, &model, &fields);
    let second = member.train(&world.pool, &data, &model, &fields);
    let send = |change: &dyn Fn(&mut zkpoc_contracts::bindings::Claim)| {
        let mut claim = first.claim.clone();
        change(&mut claim);
        refusal(member.view(&world.pool).claim(claim, Mode::Send))
    };
    assert_eq!(send(&|claim| claim.link = second.claim.link.clone()), "ZkPocLinkInvalid");
    assert_eq!(send(&|claim| claim.link = Bytes::new()), "ZkPocLinkLength");
    assert_eq!(send(&|claim| claim.link = vec![0; 192].into()), "ZkPocCurvePoint");
    let with_scalar = |scalar: [u8; 32]| {
        let mut link = first.claim.link.to_vec();
        link[64..96].copy_from_slice(&scalar);
        Bytes::from(link)
    };
    assert_eq!(send(&|claim| claim.link = with_scalar([0xff; 32])), "ZkPocLinkScalar");
    assert_eq!(send(&|claim| claim.link = with_scalar([0; 32])), "ZkPocLinkInvalid");
    // The registered commitment itself in the proof: nothing would be left to link.
    let at = 64 * kit().profile.model_points();
    let registered = point_to_bytes(&data.manifest.commitments[0]);
    let with_registered = || {
        let mut proof = first.claim.proof.to_vec();
        proof[at..at + 64].copy_from_slice(&registered);
        Bytes::from(proof)
    };
    assert_eq!(send(&|claim| claim.proof = with_registered()), "ZkPocLinkSameCommitment");
}

#[test]
fn rejects_a_tampered_bucket() {
    let (world, member, data, model) = stage("bucket");
    let fields = member.fields(&world.pool, &data, 1, 0);
    let prepared = member.train(&world.pool, &data, &model, &fields);
    let (norm, loss) = default_bounds(&kit().profile);
    let send = |change: &dyn Fn(&mut zkpoc_contracts::bindings::Claim)| {
        let mut claim = prepared.claim.clone();
        change(&mut claim);
        refusal(member.view(&world.pool).claim(claim, Mode::Send))
    };
    assert_eq!(send(&|claim| claim.normLog2 -= 1), "PairingFailed");
    assert_eq!(send(&|claim| claim.lossLog2 -= 1), "PairingFailed");
    assert_eq!(send(&|claim| claim.normLog2 = norm + 1), "ZkPocPolicyNormBound");
    assert_eq!(send(&|claim| claim.lossLog2 = loss + 1), "ZkPocPolicyLossBound");
    member.claim(&world.pool, &prepared).expect("the proven buckets are paid");
}

#[test]
fn rejects_a_flipped_bit_and_a_cut_proof() {
    let (world, member, data, model) = stage("bits");
    let fields = member.fields(&world.pool, &data, 1, 0);
    let prepared = member.train(&world.pool, &data, &model, &fields);
    let length = prepared.claim.proof.len();
    let send = |proof: Vec<u8>| {
        let mut claim = prepared.claim.clone();
        claim.proof = proof.into();
        refusal(member.view(&world.pool).claim(claim, Mode::Send))
    };
    // One bit in every 61st byte: points and scalars of every region, the committed points too.
    for at in (0..length).step_by(61) {
        let mut proof = prepared.claim.proof.to_vec();
        proof[at] ^= 1;
        let name = send(proof);
        let known = [
            "PairingFailed",
            "PointInvalid",
            "ScalarNotCanonical",
            "ZeroDenominator",
            "ZkPocCurveCoordinate",
            "ZkPocCurvePoint",
            "ZkPocLinkInvalid",
            "ZkPocRoundsModel",
        ];
        assert!(known.contains(&name.as_str()), "byte {at}: {name}");
    }
    assert_eq!(send(prepared.claim.proof[..length - 1].to_vec()), "ZkPocRoundsProofLength");
    assert_eq!(send([&prepared.claim.proof[..], &[0]].concat()), "ZkPocRoundsProofLength");
    member.claim(&world.pool, &prepared).expect("the untouched proof is paid");
}
