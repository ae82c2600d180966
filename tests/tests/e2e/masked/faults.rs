//! Members that spoil their group: who shows it, what it costs, and that nobody else pays.

use alloy::primitives::U256;
use zkpoc_client::aggregation::share::{seeds, Share};
use zkpoc_client::aggregation::state::{Outcome as End, Step, Void};
use zkpoc_client::contribute::masked::Accusation;
use zkpoc_client::contribute::ContributeError;
use zkpoc_client::exchange::{Item, Kind};
use zkpoc_contracts::bindings::Fault;
use zkpoc_engine::encoding::point_to_bytes;

use super::{checker, junk, Round, DISPUTE, REVEAL, SHARE, WITHDRAW};
use zkpoc_tests::world::kit;
use zkpoc_tests::world::BOND;
use zkpoc_tests::world::DISPUTE_BLOCKS;

#[test]
fn a_wrong_mask_voids_the_group_and_costs_who_posted_it() {
    let round = Round::new("wrong mask", 4);
    round.post(&[0, 2, 3]);
    // The member at place 1 names another mask for its pair with the one at place 3.
    round.post_changed(1, |masks| drop(masks.insert(3, junk()))).expect("posted");
    round.to_publish();
    for place in [0, 2] {
        // Honest members see it, and publish nothing.
        let (steps, next) = round.advance(place, SHARE);
        assert_eq!(steps, Vec::<&str>::new());
        assert!(matches!(next, Step::Wait { .. }), "{next}");
        assert_eq!(round.standing(place).chain.void(), Some(Void::Disagreement { one: 1, other: 3 }));
    }
    assert_eq!(round.next(3), Step::Dispute { other: 1 });
    assert_eq!(round.source.list(Kind::Shares).expect("a list"), []);
    // Nobody else can show it; the other end can, and the contract finds who is wrong.
    let accusations = round.on(0, |site| site.accusations(&round.standing(0).chain, None, true)).expect("accusations");
    assert_eq!(accusations, [Accusation::Pair { one: 1, other: 3 }]);
    assert_eq!(round.advance(0, DISPUTE).0, Vec::<&str>::new());
    assert_eq!(round.advance(3, DISPUTE).0, ["dispute"]);
    assert_eq!(round.faults(), [(1, Fault::Pair)]);
    // No complaint about missing shares follows: nobody owed one.
    round.mine_to(round.phases().reveals + DISPUTE_BLOCKS / 2);
    for place in [0, 2, 3] {
        assert_eq!(round.advance(place, DISPUTE).0, Vec::<&str>::new());
    }
    let error = round.finalize(&[0, 2, 3]).expect_err("no group is whole");
    assert!(matches!(error, ContributeError::NoOpenings { .. }), "{error}");
    round.mine_to(round.phases().disputes);
    for place in [0, 2, 3] {
        assert_eq!(round.advance(place, WITHDRAW).0, ["withdraw"]);
    }
    assert_eq!(round.next(1), Step::Done(End::AtFault));
    assert_eq!(round.bonds_held(), U256::from(BOND));
}

#[test]
fn a_false_dispute_costs_nobody_honest_a_bond() {
    let round = Round::new("false dispute", 3);
    round.post(&[0, 1, 2]);
    round.to_publish();
    // Everyone agrees: there is nothing to dispute.
    for place in 0..3 {
        round.advance(place, SHARE);
        let standing = round.standing(place);
        let seated = round.seated(place);
        let accusation = Accusation::Pair { one: 0, other: if place == 0 { 1 } else { place } };
        let answer = round.on(place, |site| site.dispute(&seated, &standing, accusation, (None, None), &mut |_| {}));
        assert!(matches!(answer, Err(ContributeError::Step { .. })), "{answer:?}");
    }
    // A complaint about a share that is there gets one vote of the two that it needs.
    round.mine_to(round.phases().reveals + DISPUTE_BLOCKS / 4);
    let (standing, seated) = (round.standing(0), round.seated(0));
    let signer = &round.parties[0].member.signer;
    let answer = round.on(0, |site| {
        let missing = Accusation::Missing { place: 1 };
        site.dispute(&seated, &standing, missing, (Some(signer), Some(&round.source)), &mut |_| {})
    });
    assert_eq!(answer.expect("a vote").votes, Some((1, 2)));
    for place in [1, 2] {
        assert_eq!(round.advance(place, DISPUTE).0, Vec::<&str>::new());
    }
    assert_eq!(round.faults(), []);
}

#[test]
fn a_wrong_seed_voids_the_group_and_costs_who_revealed_it() {
    let round = Round::new("wrong seed", 5);
    round.post(&[0, 1, 3]);
    // The member at place 2 posts a mask with the lost one (4) that its seed does not give.
    round.post_changed(2, |masks| drop(masks.insert(4, junk()))).expect("posted");
    round.to_publish();
    for place in 0..4 {
        assert_eq!(round.advance(place, REVEAL).0, ["reveal"]);
    }
    for place in [0, 1, 3] {
        assert_eq!(round.advance(place, SHARE).0, ["publish"]);
    }
    // The cheat publishes what it posted.
    let error = round.finalize(&[0, 1, 3]).expect_err("a share is missing");
    assert!(matches!(error, ContributeError::NoOpenings { .. }), "{error}");
    assert_eq!(round.advance(0, DISPUTE).0, ["dispute"]);
    assert_eq!(round.faults(), [(2, Fault::Seed)]);
    // The others have nothing to add, and lose nothing.
    round.mine_to(round.phases().reveals + DISPUTE_BLOCKS / 2);
    for place in [0, 1, 3] {
        assert_eq!(round.advance(place, DISPUTE).0, Vec::<&str>::new());
    }
    round.mine_to(round.phases().disputes);
    for place in [0, 1, 3] {
        assert_eq!(round.advance(place, WITHDRAW).0, ["withdraw"]);
    }
    assert_eq!(round.bonds_held(), U256::from(BOND));
}

#[test]
fn a_mask_that_leaves_a_small_difference_keeps_only_its_own_group_out() {
    // The review's attack: the mask with the lost member is off by one in one cell, so the sum is one of integers, and wrong.
    let round = Round::with("small difference", 4, 1, 4);
    round.post(&[0, 1]);
    let (member, standing) = (round.seated(2), round.standing(2));
    let roster = standing.chain.roster.clone().expect("a roster");
    let at = round.on(2, |site| site.mask_place(1)).expect("a place");
    let secret = member.record.mask.as_ref().expect("a key");
    let grid = zkpoc_circuits::grid::Grid::new(&kit().profile).expect("a grid");
    let checker = checker();
    let seeds = seeds(secret, &at, &roster, 2).expect("seeds");
    let mut share = Share::mask(&grid, checker.shape(), &member.record.opening, &seeds, 2);
    let mut mask = checker.shape().expand(seeds[3].as_ref().expect("a seed")).cells().to_vec();
    mask[0] += halo2_proofs::halo2curves::bn256::Fr::from(1);
    share.cells[0] += halo2_proofs::halo2curves::bn256::Fr::from(1);
    let changed: Vec<u8> = checker.bases().commit(&mask).iter().flat_map(point_to_bytes).collect();
    round.post_changed(2, |masks| drop(masks.insert(3, changed))).expect("posted");
    round.to_publish();
    for place in 0..3 {
        assert_eq!(round.advance(place, REVEAL).0, ["reveal"]);
    }
    for place in [0, 1] {
        assert_eq!(round.advance(place, SHARE).0, ["publish"]);
    }
    let id = checker.id(&share).expect("an id");
    assert_eq!(id, round.standing(2).chain.posts[&2].share_id, "what it publishes is what it posted");
    round.source.publish(&Item::Share(id), &checker.write(id, &share)).expect("published");
    // The open claim is finalized without the group.
    assert_eq!(round.finalize(&[0, 1, 4]).expect("finalized"), U256::from(0b10000));
    assert_eq!(round.advance(1, DISPUTE).0, ["dispute"]);
    assert_eq!(round.faults(), [(2, Fault::Seed)]);
}

#[test]
fn who_reveals_nothing_loses_its_bond() {
    let round = Round::new("unrevealed", 4);
    round.post(&[0, 1, 2]);
    round.to_publish();
    for place in [0, 1] {
        assert_eq!(round.advance(place, REVEAL).0, ["reveal"]);
        assert_eq!(round.advance(place, SHARE).0, ["publish"]);
    }
    round.mine_to(round.phases().reveals);
    assert_eq!(round.standing(0).chain.void(), Some(Void::Unrevealed { place: 2 }));
    assert_eq!(round.advance(0, DISPUTE).0, ["dispute"]);
    assert_eq!(round.faults(), [(2, Fault::Unrevealed)]);
    round.mine_to(round.phases().disputes);
    assert_eq!(round.advance(1, WITHDRAW).0, ["withdraw"]);
}

#[test]
fn who_withholds_its_share_loses_its_bond_by_the_others_word() {
    let round = Round::new("withheld", 4);
    round.post(&[0, 1, 2, 3]);
    round.to_publish();
    for place in [0, 1, 3] {
        assert_eq!(round.advance(place, SHARE).0, ["publish"]);
    }
    // Not before there was time to publish.
    round.mine_to(round.phases().reveals);
    assert_eq!(round.advance(0, DISPUTE).0, Vec::<&str>::new());
    round.mine_to(round.phases().reveals + DISPUTE_BLOCKS / 4);
    assert_eq!(round.advance(0, DISPUTE).0, ["dispute"]);
    assert_eq!(round.faults(), [], "one vote of two");
    assert_eq!(round.advance(3, DISPUTE).0, ["dispute"]);
    assert_eq!(round.faults(), [(2, Fault::Missing)]);
    round.mine_to(round.phases().disputes);
    for place in [0, 1, 3] {
        assert_eq!(round.advance(place, WITHDRAW).0, ["withdraw"]);
    }
    assert_eq!(round.bonds_held(), U256::from(BOND));
}

#[test]
fn something_else_under_a_shares_name_is_no_share() {
    let round = Round::new("another's", 3);
    round.post(&[0, 1, 2]);
    round.to_publish();
    for place in [0, 1] {
        round.advance(place, SHARE);
    }
    // Whoever can write to the folder puts another member's share under the name, with a header that says so.
    let posts = round.standing(0).chain.posts;
    let checker = checker();
    let bytes = round.source.fetch(&Item::Share(posts[&0].share_id)).expect("read").expect("a share");
    let share = checker.read("the share", posts[&0].share_id, &bytes).expect("a share");
    let forged = checker.write(posts[&2].share_id, &share);
    round.source.publish(&Item::Share(posts[&2].share_id), &forged).expect("stored");
    let error = round.finalize(&[0, 1]).expect_err("no share of claim 2").to_string();
    assert!(error.contains("claim 2 is not the posted one"), "{error}");
    // Its member sees that its share is not there, and why it cannot be published.
    let (standing, seated) = (round.standing(2), round.seated(2));
    assert_eq!(standing.step, Step::Publish);
    let error = round.on(2, |site| site.publish_share(&seated, &standing, &round.source)).expect_err("a conflict");
    assert!(error.to_string().contains("another content is stored"), "{error}");
}
