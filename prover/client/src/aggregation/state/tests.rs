use alloy::primitives::{Address, B256};
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::group::Curve;

use super::*;
use crate::aggregation::Seat;

const PHASES: Phases = Phases { claims: 100, shares: 120, reveals: 140, disputes: 160 };
const CONFIRMATIONS: u64 = 5;

fn point(factor: u64) -> G1Affine {
    (G1Affine::generator() * Fr::from(factor)).to_affine()
}

fn roster(members: usize) -> Roster {
    let seat = |number: usize| Seat {
        // Claims 10, 11, ..: a place is no claim number.
        number: 10 + number as u64,
        claimant: Address::with_last_byte(number as u8),
        key: B256::repeat_byte(number as u8 + 1),
        nullifier: B256::ZERO,
        update_id: B256::ZERO,
    };
    Roster::new(0, (0..members).map(seat).collect())
}

/// A post that agrees with all others.
fn post(own: usize, members: usize) -> Post {
    let pair = |other: usize| vec![point((own.min(other) * 100 + own.max(other) + 1) as u64)];
    let masks = (0..members).filter(|other| *other != own).map(pair).collect();
    Post { share_id: B256::repeat_byte(own as u8), masks }
}

fn chain(members: usize, posts: &[usize]) -> Chain {
    Chain {
        block: PHASES.shares + CONFIRMATIONS,
        confirmations: CONFIRMATIONS,
        phases: PHASES,
        fixed: true,
        roster: Some(roster(members)),
        posts: posts.iter().map(|place| (*place, post(*place, members))).collect(),
        posts_unseen: BTreeSet::new(),
        reveals: BTreeMap::new(),
        faulty: BTreeSet::new(),
        ended: false,
        included: false,
    }
}

fn at(chain: &Chain, block: u64) -> Chain {
    Chain { block, ..chain.clone() }
}

fn own(place: usize) -> Own {
    Own { number: 10 + place as u64, published: false, withdrawn: false, barred: false }
}

fn seeds(count: usize) -> Vec<PairSeed> {
    (0..count).map(|index| PairSeed::from_bytes([index as u8; 32])).collect()
}

#[test]
fn a_whole_group_takes_its_steps_in_order() {
    let mut chain = Chain { fixed: false, roster: None, posts: BTreeMap::new(), ..chain(4, &[]) };
    let mut me = own(1);
    assert_eq!(next(&at(&chain, 100), &me), Step::Wait { until: 101, reason: "the round takes claims" });
    assert_eq!(next(&at(&chain, 101), &me), Step::FixRoster);
    chain.fixed = true;
    chain.roster = Some(roster(4));
    assert_eq!(next(&at(&chain, 102), &me), Step::Post);
    for place in 0..4 {
        chain.posts.insert(place, post(place, 4));
    }
    // All have posted; still nobody publishes before the posts are final.
    for block in [103, 119, 120, 124] {
        assert!(matches!(next(&at(&chain, block), &me), Step::Wait { until: 125, .. }), "{block}");
    }
    assert_eq!(next(&at(&chain, 125), &me), Step::Publish);
    me.published = true;
    assert_eq!(next(&at(&chain, 126), &me), Step::AwaitEnd);
    chain.ended = true;
    assert!(matches!(next(&at(&chain, 150), &me), Step::Wait { until: 160, .. }));
    assert_eq!(next(&at(&chain, 160), &me), Step::Withdraw);
    me.withdrawn = true;
    assert_eq!(next(&at(&chain, 161), &me), Step::Done(Outcome::Whole));
}

#[test]
fn who_posts_nothing_never_publishes() {
    let chain = chain(4, &[0, 1, 2]);
    let mut me = own(3);
    assert_eq!(next(&at(&chain, 118), &me), Step::Post);
    // Its post may be under way and still be mined, or be undone.
    for block in [119, 120, 124] {
        assert!(matches!(next(&at(&chain, block), &me), Step::Wait { until: 125, .. }));
    }
    assert_eq!(next(&at(&chain, 125), &me), Step::Bar);
    me.barred = true;
    for block in 125..200 {
        assert_eq!(next(&at(&chain, block), &me), Step::Done(Outcome::Late));
    }
    // A post that is seen later after all, as after a deep reorganisation: the share stays barred.
    let seen = self::chain(4, &[0, 1, 2, 3]);
    for block in 120..160 {
        assert_ne!(next(&at(&seen, block), &me), Step::Publish, "{block}");
    }
}

#[test]
fn seeds_are_revealed_for_the_missing_only() {
    let mut chain = chain(5, &[0, 2, 4]);
    let mut me = own(2);
    assert_eq!(next(&chain, &me), Step::Reveal { missing: vec![1, 3] });
    chain.reveals.insert(2, seeds(2));
    assert_eq!(next(&chain, &me), Step::Publish);
    me.published = true;
    assert_eq!(next(&chain, &me), Step::AwaitEnd);
    assert!(!chain.is_whole());
    chain.reveals.insert(0, seeds(2));
    chain.reveals.insert(4, seeds(2));
    assert!(chain.is_whole());
    // One that did not reveal spoils the group, and reveals no more when it is too late.
    chain.reveals.remove(&0);
    let late = at(&chain, 140);
    assert_eq!(late.void(), Some(Void::Unrevealed { place: 0 }));
    assert!(!matches!(next(&late, &own(0)), Step::Reveal { .. }));
}

#[test]
fn fewer_than_three_posts_void_the_group_and_reveal_nothing() {
    for posts in [vec![], vec![0], vec![0, 1]] {
        let chain = chain(4, &posts);
        assert_eq!(chain.void(), Some(Void::TooFew { posts: posts.len() }));
        for place in &posts {
            for block in 120..200 {
                let step = next(&at(&chain, block), &own(*place));
                assert!(!matches!(step, Step::Publish | Step::Reveal { .. } | Step::AwaitEnd), "{block}: {step}");
            }
            let mut me = own(*place);
            assert_eq!(next(&at(&chain, 130), &me), Step::Bar);
            me.barred = true;
            assert_eq!(next(&at(&chain, 160), &me), Step::Withdraw);
        }
    }
}

#[test]
fn nobody_publishes_when_a_pair_disagrees() {
    let mut chain = chain(5, &[0, 1, 2, 4]);
    // The member at place 1 names another point for its pair with the one at place 4.
    chain.posts.get_mut(&1).expect("a post").masks[3] = vec![point(9_999)];
    assert_eq!(chain.disagreements(), [(1, 4)]);
    assert_eq!(chain.void(), Some(Void::Disagreement { one: 1, other: 4 }));
    for place in [0, 1, 2, 4] {
        for block in 100..200 {
            assert_ne!(next(&at(&chain, block), &own(place)), Step::Publish, "{place} in block {block}");
        }
        // What it owes it reveals all the same: it covers nothing, and withholding it would cost the bond.
        assert_eq!(next(&chain, &own(place)), Step::Reveal { missing: vec![3] });
        chain.reveals.insert(place, seeds(1));
    }
    assert_eq!(next(&chain, &own(4)), Step::Dispute { other: 1 });
    assert_eq!(next(&chain, &own(1)), Step::Dispute { other: 4 });
    assert!(matches!(next(&chain, &own(0)), Step::Wait { until: 160, .. }));
    chain.faulty.insert(1);
    assert_eq!(next(&chain, &own(1)), Step::Done(Outcome::AtFault));
    assert!(matches!(next(&chain, &own(4)), Step::Wait { until: 160, .. }));
    assert_eq!(next(&at(&chain, 160), &own(4)), Step::Withdraw);
}

#[test]
fn nothing_rests_on_events_that_the_node_keeps_back() {
    // The node hides a post: who believed it would reveal seeds of a member that publishes.
    let mut chain = chain(4, &[0, 1, 2]);
    chain.posts_unseen.insert(3);
    for place in 0..4 {
        for block in 100..200 {
            let step = next(&at(&chain, block), &own(place));
            assert!(
                !matches!(step, Step::Reveal { .. } | Step::Publish | Step::Bar | Step::Dispute { .. }),
                "{block}: {step}"
            );
        }
    }
    chain.posts_unseen.clear();
    assert_eq!(next(&chain, &own(0)), Step::Reveal { missing: vec![3] });
}

#[test]
fn a_member_at_fault_voids_the_group() {
    let mut chain = chain(4, &[0, 1, 2, 3]);
    chain.faulty.insert(2);
    assert_eq!(chain.void(), Some(Void::Fault { place: 2 }));
    assert!(!chain.is_whole());
    assert_ne!(next(&chain, &own(0)), Step::Publish);
}

#[test]
fn a_claim_without_a_group_has_nothing_to_do() {
    let none = Chain { roster: None, ..chain(3, &[]) };
    assert_eq!(next(&none, &own(0)), Step::Done(Outcome::NoGroup));
    let elsewhere = Own { number: 99, ..own(0) };
    assert_eq!(next(&chain(3, &[0, 1, 2]), &elsewhere), Step::Done(Outcome::NoGroup));
    let never = Chain { fixed: false, ..none };
    assert_eq!(next(&at(&never, 120), &own(0)), Step::Done(Outcome::NoGroup));
    assert_eq!(next(&at(&never, 118), &own(0)), Step::FixRoster);
}

#[test]
fn posts_are_a_set_whatever_order_they_come_in() {
    let forth = chain(4, &[0, 1, 2, 3]);
    let back = chain(4, &[3, 2, 1, 0]);
    let twice = chain(4, &[0, 1, 1, 2, 3, 3]);
    for other in [&back, &twice] {
        assert_eq!(next(&forth, &own(1)), next(other, &own(1)));
        assert_eq!(forth.void(), other.void());
    }
}

#[test]
fn no_state_publishes_or_reveals_what_it_must_not() {
    // Every set of posts and reveals of a group of four, every pair that disagrees, every block, every member's memory.
    let pairs: Vec<Option<(usize, usize)>> =
        std::iter::once(None).chain((0..4).flat_map(|a| (a + 1..4).map(move |b| Some((a, b))))).collect();
    let mut published = 0;
    for posted in 0u32..16 {
        for revealed in 0u32..16 {
            for wrong in &pairs {
                let posts: Vec<usize> = (0..4).filter(|place| posted >> place & 1 == 1).collect();
                let mut base = chain(4, &posts);
                let missing = base.missing().len();
                base.reveals = posts
                    .iter()
                    .filter(|place| revealed >> **place & 1 == 1)
                    .map(|place| (*place, seeds(missing)))
                    .collect();
                if let Some((one, other)) = wrong {
                    if let Some(post) = base.posts.get_mut(one) {
                        post.masks[other - 1] = vec![point(7_777)];
                    }
                }
                for block in (98..165).step_by(3) {
                    for memory in 0u32..8 {
                        let me = Own {
                            published: memory & 1 == 1,
                            withdrawn: memory & 2 == 2,
                            barred: memory & 4 == 4,
                            ..own(block as usize % 4)
                        };
                        let place = block as usize % 4;
                        let chain = at(&base, block);
                        match next(&chain, &me) {
                            Step::Publish => {
                                published += 1;
                                assert!(posts.contains(&place) && posts.len() >= 3 && !me.barred && !me.published);
                                assert!(block >= PHASES.shares + CONFIRMATIONS && chain.disagreements().is_empty());
                            }
                            Step::Reveal { missing } => {
                                assert!(posts.contains(&place) && posts.len() >= 3);
                                assert!((PHASES.shares + CONFIRMATIONS..PHASES.reveals).contains(&block));
                                assert!(missing.iter().all(|missing| !posts.contains(missing)) && !missing.is_empty());
                            }
                            Step::Post => assert!(block > PHASES.claims && block + 1 < PHASES.shares),
                            Step::Bar => assert!(!me.barred && (posts.len() < 3 || !posts.contains(&place))),
                            Step::Withdraw => assert!(block >= PHASES.disputes && posts.contains(&place)),
                            _ => {}
                        }
                    }
                }
            }
        }
    }
    assert!(published > 100, "the sweep saw {published} states that publish");
}
