//! Keys that are not the members' own: a relay in their midst unmasks every share; the key in a claim cannot be replaced.
//!
//! | keys come from | a relay with keys of its own |
//! |---|---|
//! | the relay | computes every update exactly |
//! | the claims' proofs | has no proof: a context with another key is another public input |
//! | the claims' proofs, and one member takes another | no sum comes out: the pair's masks, and all of that member's, stay in it |
//!
//! This is about the claims of a chain. A node that shows a member another chain altogether can fill its group with claims of
//! its own, and then all others collude ([`super::masked_collusion`]).

use alloy::primitives::B256;
use halo2_proofs::halo2curves::bn256::Fr;
use zkpoc_client::aggregation::share::{seeds, Share, Sum};
use zkpoc_client::aggregation::{AggregationError, MaskSecret, PairSeed, Roster};
use zkpoc_contracts::bindings::digests::TrainingContext;
use zkpoc_prover::verify::{verify_alone, VerifyError};

use super::masked_group::assert_computed;
use super::masked_group::cells;
use super::masked_group::context;
use super::masked_group::unmask;
use super::masked_group::Group;
use super::masked_group::Member;
use super::product::kit;
use super::product::shard;

/// The roster with other keys for everybody but one member.
fn relayed(group: &Group, own: usize, relay: &[MaskSecret]) -> Roster {
    let mut seats = group.roster.seats.clone();
    for (place, seat) in seats.iter_mut().enumerate().filter(|(place, _)| *place != own) {
        seat.key = relay[place].public();
    }
    Roster::new(group.roster.group, seats)
}

fn share(group: &Group, own: usize, seeds: &[Option<PairSeed>]) -> Share {
    Share::mask(kit().grid(), &kit().shape, &group.members[own].opening, seeds, own)
}

#[test]
fn breaks_when_members_take_keys_from_a_relay() {
    let group = Group::new(&[1, 4, 6]);
    let relay: Vec<MaskSecret> = (0..3).map(|_| MaskSecret::random()).collect();
    for (own, member) in group.members.iter().enumerate() {
        let forged = relayed(&group, own, &relay);
        assert_ne!(forged.hash, group.roster.hash, "the chain's roster shows it");
        let believed = seeds(&member.secret, &group.place, &forged, own).expect("seeds");
        let masked = share(&group, own, &believed);
        // The relay is the other end of every pair.
        let known: Vec<Option<PairSeed>> = (0..3)
            .map(|other| (other != own).then(|| relay[other].seed(&group.place, &forged, other, own).expect("a seed")))
            .collect();
        assert_computed(&unmask(&masked, own, &known), member);
        // With the keys of the claims it knows no mask at all.
        let honest = group.share(own).cells;
        let update = cells(&member.opening);
        assert!(honest
            .iter()
            .zip(&masked.cells)
            .zip(&update)
            .all(|((honest, masked), update)| { honest != masked && honest != update }));
    }
    println!("a relay between three members: three updates of {} cells computed", kit().shape.cells());
}

#[test]
fn rejects_a_claim_under_another_key_of_its_masks() {
    let kit = kit();
    let registered = kit.register(&shard(1));
    let honest = Member::again(1, 0, shard(1), registered);
    let made = kit.train_in(&honest.shard, &registered, context(&honest.fields));
    let with = |fields: &TrainingContext| {
        let inputs: Vec<Fr> = [&[context(fields)], &made.instances[1..]].concat();
        verify_alone(kit.training.verifier(), &kit.srs, &made.proof, &inputs)
    };
    with(&honest.fields).expect("the claim itself");
    for key in [MaskSecret::random().public(), B256::ZERO] {
        let swapped = TrainingContext { mask_key: key, ..honest.fields };
        assert_ne!(swapped.value(), honest.fields.value());
        assert_eq!(with(&swapped).expect_err("another key"), VerifyError::Invalid);
    }
}

#[test]
fn no_seed_and_no_sum_of_a_roster_with_one_key_swapped_matches() {
    let group = Group::new(&[1, 4, 6, 9]);
    let mut seats = group.roster.seats.clone();
    seats[3].key = MaskSecret::random().public();
    let swapped = Roster::new(group.roster.group, seats);
    // Not even the seeds of pairs whose keys are their own: the hash of the roster is in each of them.
    let misled = seeds(&group.members[0].secret, &group.place, &swapped, 0).expect("seeds");
    for (other, seed) in misled.iter().enumerate().skip(1) {
        assert_ne!(*seed, group.seeds(other)[0], "the pair of places 0 and {other}");
    }
    // Its masks' points are not those that the others name, so the group is void before anybody publishes.
    let made = Share::prepare(kit().grid(), &kit().shape, &kit().bases, &group.members[0].opening, &misled, 0);
    let honest = group.prepare(0);
    assert!(made.masks.iter().zip(&honest.masks).all(|(misled, honest)| misled != honest));
    let mut sum = Sum::new(&kit().shape);
    sum.add(&made.share).expect("a share");
    (1..4).for_each(|own| sum.add(&group.share(own)).expect("a share"));
    let answer = sum.opening(kit().profile(), kit().grid(), &kit().shape);
    assert!(matches!(answer, Err(AggregationError::Sum { members: 4, .. })), "{answer:?}");
}
