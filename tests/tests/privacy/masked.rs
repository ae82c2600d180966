//! Masked rounds: what the public bytes of a group say about one member's update and shard, beyond the group's sum.
//!
//! The tester sees claims with their proofs and links, the points of all masks, shares, revealed seeds and proofs of the
//! round; the sum of a group is *given*, as it is public. Cells of masks are unknowns: seeds are 256 bits that only the
//! two members of a pair have. Profile `toy`: a share has 75 cells, of which 43 hold an update and 15 its random rows.
//!
//! | what is seen | equations | unknown cells | rank | equations on one member |
//! |---|---|---|---|---|
//! | a whole group of three, its sum proven three times | 255 | 306 | 192 | 0 |
//! | the same with discrete logarithms of all points | 270 | 306 | 201 | 0 |
//! | a group of three, one share withheld | 177 | 306 | 177 | 0 |
//! | four claims, one member missing, the seeds shared with it revealed | 487 | 558 | 426 | 0 |
//! | the same with discrete logarithms | 509 | 558 | 438 | 0 |
//! | the same, and the missing member's share: rule broken | 562 | 558 | 437 | 43 |
//! | two groups of three, the sums of each and of both proven | 507 | 612 | 384 | 0 |
//! | the same, and a sum that takes a part of a group: rule broken | 565 | 612 | 395 | 43 |
//!
//! Rules that are broken on purpose are in tests named `breaks_`; second sums of one update in [`super::masked_sums`], keys
//! in [`super::masked_keys`], members that collude in [`super::masked_collusion`].

use std::collections::BTreeSet;

use halo2_proofs::halo2curves::bn256::Fr;
use zkpoc_circuits::grid::TAIL;
use zkpoc_circuits::reference::Shard;
use zkpoc_engine::encoding::scalar_to_bytes;

use super::masked_group::assert_computed;
use super::masked_group::cells;
use super::masked_group::Group;
use super::masked_group::Member;
use super::masked_view::View;
use super::product::kit;
use super::product::off_by_one;
use super::product::shard;
use super::system::Count;
use super::system::Verdict;

fn sizes(equations: usize, unknowns: usize, rank: usize, leaks: usize) -> Count {
    Count { equations, unknowns, rank, leaks }
}

/// The shards with two of them exchanged.
fn swapped<T: Clone>(shards: &[T], one: usize, other: usize) -> Vec<T> {
    let mut shards = shards.to_vec();
    shards.swap(one, other);
    shards
}

/// The shards with one of them off by one in one feature.
fn wrong(view: &View<'_>, at: usize) -> Vec<Shard> {
    let mut shards = view.shards();
    shards[at] = off_by_one(&shards[at]);
    assert_ne!(kit().update_cells(&shards[at]), kit().update_cells(&view.shards()[at]), "another update");
    shards
}

/// The truth, two members exchanged, and each member's record off by one while another makes up for it.
fn guesses(view: &View<'_>, summed: &[usize]) -> Vec<Vec<Vec<Fr>>> {
    let truth = view.shards();
    let mut guesses = vec![view.guess(&truth, None), view.guess(&swapped(&truth, summed[0], summed[1]), None)];
    for (at, other) in summed.iter().zip(summed.iter().cycle().skip(1)) {
        guesses.push(view.guess(&wrong(view, *at), Some((*other, summed))));
    }
    guesses
}

#[test]
fn nothing_public_tells_two_guesses_of_a_member_of_a_whole_group_apart() {
    let group = Group::new(&[1, 4, 6]);
    let mut view = View::of(&[&group]);
    let all = [0, 1, 2];
    all.iter().for_each(|place| view.publish(0, *place));
    view.know_sum(0, &all);
    let before = view.count("a whole group of three, before its sum is proven");
    // The sum is known in full, so a proof of it says nothing new, however many there are.
    (1..=3).for_each(|context| view.finalize(&[&all], context));
    let after = view.assert_hides("a whole group of three, its sum proven three times", &guesses(&view, &all));
    assert_eq!(before.map(|count| count.rank), after.map(|count| count.rank));
    assert_eq!(after, [sizes(255, 306, 192, 0), sizes(270, 306, 201, 0)]);
}

#[test]
fn nothing_public_tells_two_guesses_apart_when_a_share_is_withheld() {
    // All three posted, one never publishes: nobody's masks with it are known, and there is no sum.
    let group = Group::new(&[1, 4, 6]);
    let mut view = View::of(&[&group]);
    view.publish(0, 0);
    view.publish(0, 2);
    let mut all = guesses(&view, &[0, 1, 2]);
    all.extend((0..3).map(|at| view.guess(&wrong(&view, at), None)));
    let [public, _] = view.assert_hides("a group of three, one share withheld", &all);
    assert_eq!(public, sizes(177, 306, 177, 0));
}

/// Four claims; the member at place 2 posted nothing, and the others revealed the seeds they share with it.
fn dropout(group: &Group) -> View<'_> {
    let mut view = View::of(&[group]);
    let posted = [0, 1, 3];
    for place in posted {
        view.publish(0, place);
        view.reveal(0, place, 2);
    }
    view.know_sum(0, &posted);
    view.finalize(&[&posted], 1);
    view
}

#[test]
fn nothing_public_tells_two_guesses_apart_when_a_member_is_missing() {
    let group = Group::new(&[1, 4, 6, 9]);
    let view = dropout(&group);
    let mut all = guesses(&view, &[0, 1, 3]);
    // And of the missing one.
    all.push(view.guess(&wrong(&view, 2), None));
    let counts = view.assert_hides("four claims, one member missing, its seeds revealed", &all);
    assert_eq!(counts, [sizes(487, 558, 426, 0), sizes(509, 558, 438, 0)]);
}

#[test]
fn breaks_when_a_missing_member_publishes_its_share() {
    let group = Group::new(&[1, 4, 6, 9]);
    let mut view = dropout(&group);
    view.publish(0, 2);
    let counts = view.count("the same, and the missing member's share");
    assert_eq!(counts[0], sizes(562, 558, 437, kit().update_rows().len()), "every cell of its update");
    assert_eq!(view.judge(&view.guess(&view.shards(), None)), Verdict::Confirmed);
    assert_eq!(view.judge(&view.guess(&wrong(&view, 2), None)), Verdict::Refuted);
    // The seeds that the others revealed take its masks off.
    let revealed: Vec<_> = (0..4).map(|place| if place == 2 { None } else { group.seeds(place)[2].clone() }).collect();
    assert_computed(&group.unmask(2, &revealed), &group.members[2]);
}

/// Two groups of a round. Three sets that may be included are proven: the one group, the other, and both.
fn two_groups(groups: &[Group; 2]) -> View<'_> {
    let mut view = View::of(&[&groups[0], &groups[1]]);
    let all = [0, 1, 2];
    for group in [0, 1] {
        all.iter().for_each(|place| view.publish(group, *place));
        view.know_sum(group, &all);
    }
    for (context, included) in [[&all[..], &[]], [&[], &all], [&all, &all]].iter().enumerate() {
        view.finalize(included, context as u64);
    }
    view
}

#[test]
fn nothing_public_tells_two_guesses_of_a_member_of_two_groups_apart() {
    let groups = [Group::new(&[1, 4, 6]), Group::new(&[9, 11, 14])];
    let view = two_groups(&groups);
    // The difference of two of the sets is the sum of a group, and no member's update.
    let all = [0, 1, 2];
    let sums = groups.each_ref().map(|group| cells(&group.sum(&all)));
    let members = groups.iter().flat_map(|group| &group.members).map(|member| cells(&member.opening));
    assert!(members.into_iter().all(|update| !sums.contains(&update)));
    let [public, _] = view.assert_hides("two groups of three, each and both proven", &guesses(&view, &all));
    assert_eq!(public, sizes(507, 612, 384, 0));
}

#[test]
fn breaks_when_a_sum_takes_a_part_of_a_group() {
    let groups = [Group::new(&[1, 4, 6]), Group::new(&[9, 11, 14])];
    let mut view = two_groups(&groups);
    view.show_part(1, &[0, 1]);
    let [public, _] = view.count("the same, and a sum that takes a part of one");
    assert_eq!(public, sizes(565, 612, 395, kit().update_rows().len()));
    let truth = view.shards();
    assert_eq!(view.judge(&view.guess(&truth, None)), Verdict::Confirmed);
    assert_eq!(view.judge(&view.guess(&swapped(&truth, 3, 5), None)), Verdict::Refuted);
}

#[test]
fn a_sum_confirms_a_guess_of_all_its_members_at_once() {
    // What a sum says, and no masks can hide: whether a guess of everyone in it adds up.
    let group = Group::new(&[1, 4, 6]);
    let mut view = View::of(&[&group]);
    (0..3).for_each(|place| view.publish(0, place));
    let [public, _] = view.count("a whole group of three, nothing given");
    assert_eq!(public.leaks, kit().update_rows().len());
    assert_eq!(view.judge(&view.guess(&view.shards(), None)), Verdict::Confirmed);
    assert_eq!(view.judge(&view.guess(&swapped(&view.shards(), 0, 2), None)), Verdict::Confirmed);
    assert_eq!(view.judge(&view.guess(&wrong(&view, 1), None)), Verdict::Refuted);
}

#[test]
fn every_cell_of_a_share_is_masked() {
    let kit = kit();
    let first = Group::new(&[1, 4, 6]);
    // The same claims with one more: another roster, so other masks with the same members.
    let more = Member::new(1, 9, shard(9));
    let second = Group::of(1, [&first.members[..], &[more]].concat());
    for own in 0..3 {
        let update = cells(&first.members[own].opening);
        let [a, b] = [&first, &second].map(|group| group.share(own).cells);
        assert_eq!((a.len(), update.len()), (kit.shape.cells(), kit.shape.cells()));
        // A mask of 0 in a cell has a chance of 2^-254.
        assert!(a.iter().zip(&update).all(|(share, update)| share != update));
        assert!(a.iter().all(|cell| !b.contains(cell)), "two shares of one update share a cell");
        let distinct: BTreeSet<_> = a.iter().map(scalar_to_bytes).collect();
        assert_eq!(distinct.len(), a.len(), "a value occurs twice in a share, though many of the update's cells are 0");
    }
    // Outside of the masked rows an update's column has nothing, not even blinding.
    let masked: BTreeSet<usize> = kit.shape.rows().iter().map(|row| *row as usize).collect();
    for member in &first.members {
        let column = kit.cells_of(&member.opening.update);
        assert!((0..column.len()).filter(|row| !masked.contains(row)).all(|row| column[row] == Fr::zero()));
        assert!(member.opening.tails[0].len() <= TAIL);
    }
    println!("{} cells of a share, all masked", kit.shape.cells());
}
