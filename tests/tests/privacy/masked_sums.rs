//! Two sums over one update: what their difference gives away, and who refuses to make the second.
//!
//! | second sum | gives | refused by |
//! |---|---|---|
//! | of the survivors' same claims, once one is gone | the missing update and its random rows, exactly | the journal, once a share is published |
//! | of fresh claims of the same shards, after a void round | the missing update, exactly | the journal, whatever blinding, key, round, account or contract |
//! | from a home that was restored from an older copy | the same | the contract: one post of a nullifier, which is the same for both claims |
//! | of a missing member's share whose masks were revealed | its update, exactly | the steps of a member: nobody publishes what others reveal |

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use alloy::primitives::{Address, B256};
use zkpoc_circuits::reference::Update;
use zkpoc_client::aggregation::state::{next, Chain, Own, Phases, Post, Step};
use zkpoc_client::aggregation::AggregationError;
use zkpoc_client::chain::words::points_id;
use zkpoc_client::contribute::model_id;
use zkpoc_client::home::journal::{Journal, Promise, Stage, UpdateKey};
use zkpoc_client::home::Home;
use zkpoc_prover::prove::UpdateOpening;

use super::masked_group::assert_computed;
use super::masked_group::place;
use super::masked_group::Group;
use super::masked_group::Member;
use super::masked_view::View;
use super::product::kit;
use super::product::off_by_one;
use super::system::Verdict;

/// `a - b`.
pub(crate) fn minus(a: &Update, b: &Update) -> Update {
    let mut rest = a.clone();
    for (rest, other) in rest.layers.iter_mut().zip(&b.layers) {
        let cells = rest.weights.iter_mut().chain(&mut rest.bias).zip(other.weights.iter().chain(&other.bias));
        cells.for_each(|(cell, other)| *cell -= other);
    }
    rest
}

/// The difference of two sums, random rows included.
fn difference(a: &UpdateOpening, b: &UpdateOpening) -> UpdateOpening {
    let tails = a.tails.iter().zip(&b.tails).map(|(a, b)| a.iter().zip(b).map(|(a, b)| *a - b).collect()).collect();
    UpdateOpening { update: minus(&a.update, &b.update), tails }
}

#[test]
fn breaks_when_survivors_of_a_group_make_a_second_sum() {
    let group = Group::new(&[1, 4, 6, 9]);
    let all = group.sum(&[0, 1, 2, 3]);
    // The last member is gone, and the others agree anew, with the same claims.
    let survivors = Group::of(1, group.members[..3].to_vec());
    let rest = survivors.sum(&[0, 1, 2]);
    assert_computed(&difference(&all, &rest), &group.members[3]);
    // With fresh blinding and keys the integers are the same.
    let fresh =
        |(number, member): (usize, &Member)| Member::again(2, number as u64, member.shard.clone(), member.registered);
    let fresh = Group::of(2, group.members[..3].iter().enumerate().map(fresh).collect());
    assert_eq!(minus(&all.update, &fresh.sum(&[0, 1, 2]).update), group.members[3].opening.update);

    // The tester finds it as well.
    let mut view = View::of(&[&group]);
    (0..4).for_each(|place| view.publish(0, place));
    view.know_sum(0, &[0, 1, 2, 3]);
    view.assert_hides("a whole group of four", &[view.guess(&view.shards(), None)]);
    view.show_part(0, &[0, 1, 2]);
    let [public, _] = view.count("the same, and a sum of three of them");
    assert_eq!(public.leaks, kit().update_rows().len());
    let mut wrong = view.shards();
    wrong[3] = off_by_one(&wrong[3]);
    assert_eq!(view.judge(&view.guess(&view.shards(), None)), Verdict::Confirmed);
    assert_eq!(view.judge(&view.guess(&wrong, Some((0, &[3])))), Verdict::Refuted);
}

fn model() -> B256 {
    model_id(&kit().srs, kit().profile(), &kit().model).expect("an id")
}

fn key(member: &Member) -> UpdateKey {
    UpdateKey::of(member.fields.profile_id, model(), &member.opening.update)
}

fn promise(group: &Group, own: usize) -> Promise {
    let place = group.place;
    let number = group.roster.seats[own].number;
    let account = group.members[own].fields.claimant;
    Promise::new(place.chain_id, place.contract, place.round, number, account, group.roster.hash)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        let target = to.join(entry.file_name().expect("a name"));
        match entry.is_dir() {
            true => copy(&entry, &target),
            false => drop(std::fs::copy(&entry, &target).expect("copied")),
        }
    }
}

/// Groups that somebody could be in with the same update again.
fn second_sums(first: &Group) -> Vec<(&'static str, Group)> {
    let mine = &first.members[0];
    let others = &first.members[1..3];
    let with = |round, member: Member| Group::of(round, [&[member], others].concat());
    let again = |round| Member::again(round, 0, mine.shard.clone(), mine.registered);
    let mut account = again(2);
    account.fields.claimant = Address::repeat_byte(0x77);
    let mut contract = with(2, again(2));
    contract.place.contract = Address::repeat_byte(0x66);
    vec![
        ("survivors in a later round", Group { place: place(2), ..with(2, mine.clone()) }),
        ("fresh blinding and key", with(2, again(2))),
        ("another dataset: registered again", with(2, Member::new(2, 0, mine.shard.clone()))),
        ("another account", with(2, account)),
        ("another contract", contract),
    ]
}

#[test]
fn an_update_is_promised_to_one_sum_whatever_its_blinding_dataset_or_round() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = |name: &str| Home::open(Some(&folder.path().join(name))).expect("a home");
    let home = open("home");
    let first = Group::new(&[1, 4, 6, 9]);
    let seconds = second_sums(&first);
    let refuses = |home: &Home, what: &str| {
        let (journal, lock) = (Journal::of(home).expect("a journal"), home.lock().expect("a lock"));
        for (name, second) in &seconds {
            assert_eq!(key(&second.members[0]), key(&first.members[0]), "{name}: the same integers");
            assert_ne!(second.roster.hash, first.roster.hash, "{name}");
            let (key, promise) = (key(&second.members[0]), promise(second, 0));
            for answer in [
                journal.promise(&lock, &key, &promise),
                journal.publish(&lock, &key, &promise),
                journal.check_free(&key, None),
            ] {
                assert!(
                    matches!(answer, Err(AggregationError::Promised { round: 1, .. })),
                    "{what}, {name}: {answer:?}"
                );
            }
        }
    };
    copy(home.root(), &folder.path().join("before"));
    let journal = Journal::of(&home).expect("a journal");
    let key_of_mine = key(&first.members[0]);
    journal.promise(&home.lock().expect("a lock"), &key_of_mine, &promise(&first, 0)).expect("promised");
    // The round became void, and nothing was published: the promise binds as well.
    refuses(&home, "promised");
    journal.publish(&home.lock().expect("a lock"), &key_of_mine, &promise(&first, 0)).expect("published");
    refuses(&home, "published");
    // Survivors of the same claim: their roster takes the place of the first only as long as nothing is published.
    let survivors = Group::of(1, first.members[..3].to_vec());
    let answer = journal.promise(&home.lock().expect("a lock"), &key_of_mine, &promise(&survivors, 0));
    assert!(matches!(answer, Err(AggregationError::Promised { .. })), "{answer:?}");
    copy(home.root(), &folder.path().join("after"));
    refuses(&open("after"), "a home restored from a copy that was made later");

    // A copy from before knows nothing: there the contract refuses, which takes one post of a nullifier. Only a dataset that
    // was registered anew, with other commitments, has another one.
    for (name, second) in &seconds {
        let same = first.members[0].nullifier() == second.members[0].nullifier();
        assert_eq!(same, !name.starts_with("another dataset"), "{name}");
    }
    let before = open("before");
    assert_eq!(Journal::of(&before).expect("a journal").stage(&key_of_mine, first.roster.hash).expect("a stage"), None);
}

#[test]
fn an_update_that_was_barred_is_in_one_other_sum_at_most() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = Home::open(Some(&folder.path().join("home"))).expect("a home");
    let (journal, lock) = (Journal::of(&home).expect("a journal"), home.lock().expect("a lock"));
    let first = Group::new(&[1, 4, 6]);
    let seconds = second_sums(&first);
    let (key, barred) = (key(&first.members[0]), promise(&first, 0));
    journal.bar(&lock, &key, &barred).expect("barred");
    let second = promise(&seconds[1].1, 0);
    journal.promise(&lock, &key, &second).expect("free again");
    journal.publish(&lock, &key, &second).expect("published");
    let answer = journal.publish(&lock, &key, &barred);
    assert!(matches!(answer, Err(AggregationError::Promised { round: 2, .. })), "{answer:?}");
    assert_eq!(journal.stage(&key, first.roster.hash).expect("a stage"), Some(Stage::Barred));
    let answer = journal.promise(&lock, &key, &promise(&seconds[2].1, 0));
    assert!(matches!(answer, Err(AggregationError::Promised { round: 2, .. })), "{answer:?}");
}

#[test]
fn nobody_publishes_a_share_whose_masks_others_reveal() {
    // All sets of posts, all blocks, all members, before and after seeds are revealed.
    let phases = Phases { claims: 10, shares: 20, reveals: 30, disputes: 40 };
    let confirmations = 3;
    let group = Group::new(&[1, 4, 6, 9]);
    let posts: Vec<Post> = (0..4)
        .map(|own| {
            let made = group.prepare(own);
            let share_id = points_id(&kit().bases.commit(&made.share.cells)).expect("an id");
            Post { share_id, masks: made.masks }
        })
        .collect();
    let (mut views, mut publishes, mut reveals) = (0, 0, 0);
    for set in 0u32..16 {
        let posted: BTreeSet<usize> = (0..4).filter(|place| set >> place & 1 == 1).collect();
        let missing: Vec<usize> = (0..4).filter(|place| !posted.contains(place)).collect();
        let (mut published, mut revealed) = (BTreeSet::new(), BTreeSet::new());
        for (block, (own, (done, barred))) in (1..50)
            .flat_map(|block| (0..4).map(move |own| (block, own)))
            .flat_map(|(block, own)| [(false, false), (true, false), (false, true)].map(|flags| (block, (own, flags))))
        {
            let seeds = |place: &usize| {
                let seeds = missing.iter().map(|other| group.seeds(*place)[*other].clone().expect("a seed")).collect();
                (*place, seeds)
            };
            let chain = Chain {
                block,
                confirmations,
                phases,
                fixed: true,
                roster: Some(group.roster.clone()),
                posts: posted.iter().map(|place| (*place, posts[*place].clone())).collect(),
                posts_unseen: BTreeSet::new(),
                reveals: if done { posted.iter().map(seeds).collect() } else { BTreeMap::new() },
                faulty: BTreeSet::new(),
                ended: false,
                included: false,
            };
            views += 1;
            match next(&chain, &Own { number: own as u64, published: false, withdrawn: false, barred }) {
                Step::Publish => {
                    assert!(block >= phases.shares + confirmations, "posts can still come");
                    assert!(posted.len() >= 3 && posted.contains(&own) && !barred);
                    published.insert(own);
                    publishes += 1;
                }
                Step::Reveal { missing: others } => {
                    assert!(block >= phases.shares + confirmations, "posts can still come");
                    assert!(posted.contains(&own));
                    revealed.extend(others);
                    reveals += 1;
                }
                _ => {}
            }
        }
        assert!(published.is_disjoint(&revealed), "{posted:?}: {published:?} and {revealed:?}");
    }
    println!("{views} views of a group of four: {publishes} publish, {reveals} reveal, never the same member's");
    assert!(publishes > 0 && reveals > 0);
}
