//! Members of a group that collude: everything they have is put together with what is public.
//!
//! Of `h` honest members the sum of their updates and of their random rows is known to the others. With `m` random rows and `q`
//! openings of an update in its claim, the honest ones' rows are `h m` unknowns, of which the sum tells `m`; there are `h q`
//! openings and `h - 1` commitments that are not in the sum. So the rule is `h (q + 1) - 1 <= (h - 1) m`. What is measured,
//! with `q = 4`:
//!
//! | honest | random rows | rule | equations on one member | with discrete logarithms | a guess |
//! |---|---|---|---|---|---|
//! | 2 | 15, the product's | holds | 0 | 0 | undetermined |
//! | 2 | 9 | holds | 0 | 0 | undetermined |
//! | 2 | 8 | broken | 0 | 1 | confirmed |
//! | 2 | 7 | broken | 1 | 2 | confirmed |
//! | 3 | 7 | holds | 0 | 0 | undetermined |
//! | 3 | 6 | broken | 0 | 2 | confirmed |
//! | 4 | 7 | holds | 0 | 0 | undetermined |
//! | 4 | 6 | broken | 0 | 1 | undetermined |
//! | 4 | 5 | broken | 1 | 4 | confirmed |
//!
//! Two honest members of a group, the product's random rows, all others collude:
//!
//! | colluders | equations | unknown cells | rank | equations on one member |
//! |---|---|---|---|---|
//! | 1 of 3 | 418 | 306 | 278 | 0 |
//! | 2 of 4 | 817 | 558 | 523 | 0 |
//! | 4 of 6 | 2065 | 1287 | 1238 | 0 |
//!
//! With one honest member there is nothing to hide it among, and its update is computed exactly; what counts are the members
//! that posted.

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use rand_core::OsRng;
use zkpoc_circuits::reference::Shard;

use super::masked_group::assert_computed;
use super::masked_group::Group;
use super::masked_group::Member;
use super::masked_group::UPDATE;
use super::masked_sums::minus;
use super::masked_view::View;
use super::product::kit;
use super::product::off_by_one;
use super::product::shard;
use super::system::Count;
use super::system::Verdict;

const SHARDS: [u16; 6] = [1, 4, 6, 9, 11, 14];

/// A group in which the first `honest` members' updates have `rows` random rows, and two more members collude.
fn group(honest: usize, rows: usize) -> Group {
    let member = |number: usize| match number < honest {
        true => Member::thin(number as u64, shard(SHARDS[number]), (0..rows).map(|_| Fr::random(OsRng)).collect()),
        false => Member::new(1, number as u64, shard(SHARDS[number])),
    };
    Group::of(1, (0..honest + 2).map(member).collect())
}

/// What the colluders, which come after the honest members, have of a whole group.
fn colluders_view(group: &Group, honest: usize) -> View<'_> {
    let all: Vec<usize> = (0..group.members.len()).collect();
    let mut view = View::of(&[group]);
    all.iter().for_each(|place| view.publish(0, *place));
    all[honest..].iter().for_each(|place| view.collude(0, *place));
    view.know_sum(0, &all);
    view.finalize(&[&all], 1);
    view
}

/// The truth, and the first member's record off by one in one feature while the second makes up for it.
fn right_and_wrong(view: &View<'_>) -> [Vec<Vec<Fr>>; 2] {
    let truth = view.shards();
    let mut wrong = truth.clone();
    wrong[0] = off_by_one(&truth[0]);
    assert_ne!(kit().update_cells(&wrong[0]), kit().update_cells(&truth[0]), "another update");
    [view.guess(&truth, None), view.guess(&wrong, Some((1, &[0])))]
}

#[test]
fn breaks_when_honest_members_of_a_group_have_fewer_random_rows_than_the_rule() {
    let product = kit().training.blinding_rows();
    let mut broken = 0;
    for (honest, rows) in [(2, product), (2, 9), (2, 8), (2, 7), (3, 7), (3, 6), (4, 7), (4, 6), (4, 5)] {
        let group = group(honest, rows);
        let openings = group.members[0].claim.openings(UPDATE).len();
        let view = colluders_view(&group, honest);
        let [public, unbounded] = view.count(&format!("{honest} honest, {rows} random rows, {openings} openings"));
        // Equations that are more than the unknowns.
        let unknowns = (honest - 1) * rows;
        let more = |equations: usize| equations.saturating_sub(unknowns);
        let holds = honest * (openings + 1) - 1 <= unknowns;
        assert_eq!(public.leaks, more(honest * openings));
        assert_eq!(unbounded.leaks, more(honest * (openings + 1) - 1));
        assert_eq!(unbounded.leaks == 0, holds, "{honest} honest, {rows} rows");
        let verdicts = right_and_wrong(&view).map(|guess| view.judge(&guess));
        println!("{honest} honest, {rows} random rows: rule holds {holds}; right, wrong: {verdicts:?}");
        // Everyone can compare once all random rows follow from the guess.
        match honest * openings >= unknowns {
            true => assert_eq!(verdicts, [Verdict::Confirmed, Verdict::Refuted]),
            false => assert_eq!(verdicts, [Verdict::Undetermined; 2]),
        }
        broken += usize::from(!holds);
        assert!(rows < product || holds, "the product keeps the rule");
    }
    assert_eq!(broken, 5);
}

#[test]
fn nothing_that_all_but_two_members_have_tells_two_guesses_of_a_record_apart() {
    for (members, equations, unknowns, rank) in [(3, 418, 306, 278), (4, 817, 558, 523), (6, 2065, 1287, 1238)] {
        let group = Group::new(&SHARDS[..members]);
        let view = colluders_view(&group, 2);
        let guesses = right_and_wrong(&view).to_vec();
        let [public, _] = view.assert_hides(&format!("{} of {members} members collude", members - 2), &guesses);
        assert_eq!(public, Count { equations, unknowns, rank, leaks: 0 });
    }
}

#[test]
fn nothing_that_a_colluder_and_the_public_have_tells_more_when_a_member_is_missing() {
    // Five claims: two honest members posted, one is missing, two collude.
    let group = Group::new(&SHARDS[..5]);
    let posted = [0, 1, 3, 4];
    let mut view = View::of(&[&group]);
    for place in posted {
        view.publish(0, place);
        view.reveal(0, place, 2);
    }
    [3, 4].iter().for_each(|place| view.collude(0, *place));
    view.know_sum(0, &posted);
    view.finalize(&[&posted], 1);
    let mut missing = view.shards();
    missing[2] = off_by_one(&missing[2]);
    let mut guesses = right_and_wrong(&view).to_vec();
    guesses.push(view.guess(&missing, None));
    view.assert_hides("two of five members collude, one is missing", &guesses);
}

/// That the others' secrets give a member's update exactly, and that a guess of its record can then be told.
fn assert_exposed(group: &Group, own: usize, posted: &[usize]) {
    let seeds: Vec<_> = (0..group.members.len())
        .map(|place| if place == own { None } else { group.seeds(place)[own].clone() })
        .collect();
    let found = group.unmask(own, &seeds);
    assert_computed(&found, &group.members[own]);
    let shard: &Shard = &group.members[own].shard;
    let update = kit().cells_of(&found.update);
    assert_eq!(update, kit().update_cells(shard), "the right guess of the record fits");
    assert_ne!(update, kit().update_cells(&off_by_one(shard)), "one that is off by one in one feature does not");
    // From the sum alone, without the member's share.
    let others = posted.iter().filter(|place| **place != own);
    let rest = others.fold(group.sum(posted).update, |rest, place| minus(&rest, &group.members[*place].opening.update));
    assert_eq!(rest, found.update);
}

#[test]
fn breaks_when_all_other_members_collude() {
    for members in [3, 4] {
        let group = Group::new(&SHARDS[..members]);
        let all: Vec<usize> = (0..members).collect();
        assert_exposed(&group, 0, &all);
        let view = colluders_view(&group, 1);
        // No other guess is left that what is given would not contradict.
        let counts = view.count(&format!("{} of {members} members collude", members - 1));
        assert_eq!(counts.map(|count| count.leaks), [0, 0], "the sum and their own updates say it already");
    }
}

#[test]
fn breaks_when_all_other_members_that_posted_collude() {
    // Five claims, of which one honest member and two colluders posted: what counts is who posted, not who claimed.
    let group = Group::new(&SHARDS[..5]);
    assert_exposed(&group, 0, &[0, 3, 4]);
}
