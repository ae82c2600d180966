//! Updates, keys and messages of another time, round or group, and crashes: what is published once stays the only sum.

use alloy::primitives::{B256, U256};
use zkpoc_client::aggregation::state::{Step, Void};
use zkpoc_client::aggregation::{AggregationError, MaskSecret};
use zkpoc_client::chain::Mode;
use zkpoc_client::contribute::{ContributeError, Prepared, Site};
use zkpoc_client::exchange::Kind;
use zkpoc_client::home::journal::{Journal, Promise, UpdateKey};

use super::{home, Party, Round, CONFIRMATIONS, REVEAL, SHARE, WITHDRAW};
use zkpoc_tests::world::kit;
use zkpoc_tests::world::model;
use zkpoc_tests::world::refusal;
use zkpoc_tests::world::World;

#[test]
fn fewer_than_three_are_void_and_may_post_again() {
    let round = Round::with("too few", 3, 0, 1);
    round.post(&[0, 1]);
    round.to_publish();
    for place in [0, 1] {
        // Nobody's masks are revealed, nothing is published, and the share is put away for good.
        assert_eq!(round.standing(place).chain.void(), Some(Void::TooFew { posts: 2 }));
        assert_eq!(round.advance(place, REVEAL).0, Vec::<&str>::new());
        assert_eq!(round.advance(place, SHARE).0, ["bar"]);
    }
    assert_eq!(round.source.list(Kind::Shares).expect("a list"), []);
    round.mine_to(round.phases().disputes);
    assert_eq!(round.advance(0, WITHDRAW).0, ["withdraw"]);
    let now = round.world.operator.block_number().expect("a block");
    let until = round.phases().claims + zkpoc_tests::world::FINALIZE_BLOCKS;
    round.mine_to(until.max(now));
    round.world.view().void_round(1, Mode::Send).expect("voided");
    round.world.seal(2);
    // The same shard of the same model, as there is one only: nothing of it was in a sum.
    let view = round.world.view();
    for place in 0..3 {
        let data = &round.parties[place].data;
        let prepared = round.claim(place, 2, true).expect("claimed again");
        let again = prepared.record.opening.update == round.opening(place).update;
        assert!(again, "the same update");
        assert!(round.on(place, |site| site.member(data, 2)).is_ok());
    }
    // All of them post now, the two from before as well, to another roster.
    let until = view.aggregation().expect("the contract").phases(2).expect("phases").claims + 1;
    round.mine_to(until);
    for place in 0..3 {
        let data = &round.parties[place].data;
        let signer = &round.parties[place].member.signer;
        let (taken, _) = round.on(place, |site| {
            let member = site.member(data, 2).expect("a seat");
            let how = (SHARE, CONFIRMATIONS);
            site.advance_member(&member, Some(&round.source), Some(signer), how, &mut |_| {}).expect("steps")
        });
        assert_eq!(taken.last().map(|taken| taken.step), Some("post"), "{place}");
    }
}

#[test]
fn an_update_is_in_one_sum_only_whatever_comes() {
    let round = Round::with("one sum", 3, 0, 1);
    round.post(&[0, 1, 2]);
    round.to_publish();
    for place in 0..3 {
        assert_eq!(round.advance(place, SHARE).0, ["publish"]);
    }
    // Nobody finalizes: the round is void, and the next one is about the same model and the same shards.
    let now = round.world.operator.block_number().expect("a block");
    round.mine_to((round.phases().claims + zkpoc_tests::world::FINALIZE_BLOCKS).max(now));
    round.world.view().void_round(1, Mode::Send).expect("voided");
    round.world.seal(2);
    for masked in [true, false] {
        let error = round.claim(0, 2, masked).expect_err("a second sum");
        assert!(matches!(error, ContributeError::Posted { .. }), "{error}");
    }
    // The same records, committed anew: another root and nullifier, but the same update.
    let party = &round.parties[0];
    let again =
        zkpoc_tests::world::commit(&kit().profile, party.data.shards.clone(), zkpoc_client::home::Seed::random());
    let record = round.on(0, |site| site.stored_record(&party.data, 1)).expect("read").expect("a claim");
    let key = UpdateKey::of(
        again.manifest.profile_id,
        round.world.view().round(2).expect("round 2").modelId,
        &record.opening.update,
    );
    let journal = Journal::of(&party.home).expect("a journal");
    let answer = journal.check_free(&key, None);
    assert!(matches!(answer, Err(AggregationError::Promised { round: 1, .. })), "{answer:?}");
    // On another machine, or from a backup without the journal, the contract still says so.
    let (home, _folder) = home();
    let other = Party { member: round.world.member(), data: again, home, _folder };
    let view = party.member.view(&round.world.pool);
    let site = Site { home: &other.home, profile: &kit().profile, srs: &kit().srs, pool: &view, memory_limit: None };
    let error = site.prepare_claim(&party.data, &round.model, 2, true, &mut |_| {}).expect_err("a second sum");
    assert!(matches!(error, ContributeError::Posted { .. }), "{error}");
}

#[test]
fn a_crash_between_two_steps_loses_nothing_and_publishes_one_share() {
    let round = Round::new("crash", 3);
    round.to_deadline();
    let party = &round.parties[1];
    round.on(0, |site| site.fix_roster(1, Mode::Send)).expect("fixed");
    // Written down, and stopped before the transaction was sent.
    let (seated, standing) = (round.seated(1), round.standing(1));
    let roster = standing.chain.roster.clone().expect("a roster");
    let at = round.on(1, |site| site.mask_place(1)).expect("a place");
    let (journal, account) = (Journal::of(&party.home).expect("a journal"), party.member.address());
    let promise = Promise::new(at.chain_id, at.contract, 1, seated.number, account, roster.hash);
    journal.promise(&party.home.lock().expect("a lock"), &seated.key, &promise).expect("promised");
    for place in 0..3 {
        assert_eq!(round.advance(place, SHARE).0, ["post"], "{place}");
    }
    // Sent, and stopped before anything was noted: the chain says so.
    assert!(matches!(round.next(1), Step::Wait { .. }));
    round.to_publish();
    // Noted as published, and stopped before it was.
    journal.publish(&party.home.lock().expect("a lock"), &seated.key, &promise).expect("noted");
    assert_eq!(round.next(1), Step::Publish);
    for place in 0..3 {
        assert_eq!(round.advance(place, SHARE).0, ["publish"], "{place}");
    }
    // The journal is lost: the share that is out there is the posted one, and no other can come.
    std::fs::remove_dir_all(party.home.root().join("shares")).expect("lost");
    assert_eq!(round.advance(1, SHARE).0, ["publish"]);
    assert_eq!(round.source.list(Kind::Shares).expect("a list").len(), 3);
    assert_eq!(round.finalize(&[0, 1]).expect("finalized"), U256::from(7));
}

#[test]
fn the_opening_of_a_masked_claim_is_handed_to_nobody() {
    let round = Round::new("not handed over", 3);
    let data = &round.parties[0].data;
    let record = round.on(0, |site| site.stored_record(data, 1)).expect("read").expect("a claim");
    let error = round.on(0, |site| site.hand_over(1, &record, &round.source)).expect_err("masked");
    assert!(matches!(error, ContributeError::StoredMode { found: "masked", .. }), "{error}");
    // Nor is the claim sent again as an open one.
    let error = round.claim(0, 1, false).expect_err("another mode").to_string();
    assert!(error.contains("AlreadyClaimed") || error.contains("masked"), "{error}");
    assert_eq!(round.source.list(Kind::Openings).expect("a list"), []);
}

#[test]
fn rejects_keys_that_a_relay_put_in() {
    let world = World::new();
    let model = model("relay");
    let parties: Vec<Party> = (0..3).map(|_| Party::new(&world, 2)).collect();
    world.open(&model);
    world.seal(1);
    let relay = world.member();
    let site = |party: &Party| {
        party.on(&world, |site| site.prepare_claim(&party.data, &model, 1, true, &mut |_| {}).expect("prepared"))
    };
    let prepared: Vec<Prepared> = parties.iter().map(site).collect();
    let own = MaskSecret::random().public();
    let mut changed: Vec<_> = prepared.iter().map(|prepared| prepared.claim.clone()).collect();
    for claim in &mut changed {
        claim.maskKey = own;
    }
    let view = relay.view(&world.pool);
    // In a batch, which anyone may send, with the relay's key, with none, and with those of others.
    assert_eq!(refusal(view.claim_many(changed.clone(), Mode::Send)), "ZkPocRoundsNoneAccepted");
    changed.iter_mut().for_each(|claim| claim.maskKey = B256::ZERO);
    assert_eq!(refusal(view.claim_many(changed.clone(), Mode::Send)), "ZkPocRoundsNoneAccepted");
    for (place, claim) in changed.iter_mut().enumerate() {
        claim.maskKey = prepared[(place + 1) % 3].claim.maskKey;
    }
    assert_eq!(refusal(view.claim_many(changed.clone(), Mode::Send)), "ZkPocRoundsNoneAccepted");
    // As they are, they are taken, and the keys on chain are the members' own.
    let honest = prepared.iter().map(|prepared| prepared.claim.clone()).collect();
    view.claim_many(honest, Mode::Send).expect("claimed for their owners");
    let claims = zkpoc_tests::world::site(&view).claims(1).expect("claims");
    for (claim, prepared) in claims.iter().zip(&prepared) {
        assert_eq!(claim.record.maskKey, prepared.claim.maskKey);
    }
}

#[test]
fn messages_of_another_time_round_or_group_are_refused() {
    let round = Round::new("replayed", 4);
    let view = |place: usize| round.parties[place].member.view(&round.world.pool);
    let records = || {
        let view = round.world.view();
        let claims = zkpoc_tests::world::site(&view).claims(1).expect("claims");
        claims.into_iter().map(|claim| claim.record).collect::<Vec<_>>()
    };
    let fix = |records| view(0).aggregation().expect("the contract").fix_roster(1, records, Mode::Send);
    assert_eq!(refusal(fix(records())), "ZkPocAggregationTooEarly");
    round.to_deadline();
    // Reordered, doubled, shortened.
    let mut wrong = records();
    wrong.swap(0, 1);
    assert_eq!(refusal(fix(wrong)), "ZkPocAggregationRecords");
    let mut wrong = records();
    wrong[1] = wrong[0].clone();
    assert_eq!(refusal(fix(wrong)), "ZkPocAggregationRecords");
    fix(records()).expect("fixed");
    assert_eq!(refusal(fix(records())), "ZkPocAggregationFixed");
    for place in [0, 1, 2] {
        assert_eq!(round.advance(place, SHARE).0, ["post"]);
    }
    // A post again, by who posted and with a point that is none.
    let again = round.post_changed(3, |masks| drop(masks.insert(0, vec![1; 64])));
    assert!(refusal(again).starts_with("ZkPocCurve"));
    let short = round.post_changed(3, |masks| drop(masks.remove(&0)));
    assert_eq!(refusal(short), "ZkPocAggregationMasksLength");
    let reveal = |place: usize, number: u64, seeds: usize| {
        let seeds = vec![B256::repeat_byte(1); seeds];
        view(place).aggregation().expect("the contract").reveal_seeds(1, 0, number, seeds, Mode::Send)
    };
    assert_eq!(refusal(reveal(0, 0, 1)), "ZkPocAggregationTooEarly");
    round.to_publish();
    assert_eq!(refusal(round.post_changed(3, |_| {})), "ZkPocAggregationTooLate");
    // Seeds for too many or too few, by somebody else, twice, of another round, of another group.
    assert_eq!(refusal(reveal(0, 0, 2)), "ZkPocAggregationSeedCount");
    assert_eq!(refusal(reveal(0, 0, 0)), "ZkPocAggregationSeedCount");
    assert_eq!(refusal(reveal(0, 1, 1)), "ZkPocAggregationClaimant");
    assert_eq!(refusal(reveal(3, 3, 1)), "ZkPocAggregationNotPosted");
    let at = view(0);
    let at = at.aggregation().expect("the contract");
    assert_eq!(refusal(at.reveal_seeds(1, 1, 0, vec![B256::ZERO], Mode::Send)), "ZkPocAggregationGroup");
    assert_eq!(refusal(at.reveal_seeds(2, 0, 0, vec![B256::ZERO], Mode::Send)), "ZkPocAggregationNotOpen");
    assert_eq!(round.advance(0, REVEAL).0, ["reveal"]);
    assert_eq!(refusal(reveal(0, 0, 1)), "ZkPocAggregationRevealed");
    assert_eq!(refusal(at.withdraw_bond(1, 0, 0, Mode::Send)), "ZkPocAggregationTooEarly");
    assert_eq!(refusal(at.fault_unrevealed(1, 0, 1, Mode::Send)), "ZkPocAggregationTooEarly");
    round.mine_to(round.phases().reveals);
    assert_eq!(refusal(reveal(1, 1, 1)), "ZkPocAggregationTooLate");
    assert_eq!(refusal(at.fault_unrevealed(1, 0, 0, Mode::Send)), "ZkPocAggregationRevealed");
    assert_eq!(refusal(at.fault_unrevealed(1, 0, 3, Mode::Send)), "ZkPocAggregationNotPosted");
    round.mine_to(round.phases().disputes);
    at.withdraw_bond(1, 0, 0, Mode::Send).expect("the bond is back");
    assert_eq!(refusal(at.withdraw_bond(1, 0, 0, Mode::Send)), "ZkPocAggregationWithdrawn");
}
