//! Several claims in one transaction, with real proofs: what they cost, and what a bad one does to the others.

use alloy::sol_types::SolEvent;
use serde_json::json;
use zkpoc_client::chain::{Mode, Outcome, Revert};
use zkpoc_client::home::Dataset;
use zkpoc_client::watch::Watcher;
use zkpoc_contracts::bindings::{Claim, ContributionRounds};

use zkpoc_tests::world::dataset;
use zkpoc_tests::world::kit;
use zkpoc_tests::world::model;
use zkpoc_tests::world::refusal;
use zkpoc_tests::world::Member;
use zkpoc_tests::world::World;
use zkpoc_tests::world::REWARD;

/// Members of a batch: as many as a round of `toy` takes.
const MEMBERS: usize = 8;

/// An open, sealed round with an honest claim of each member, none of them sent. Shards are validated.
struct Round {
    world: World,
    requests: Vec<Claim>,
}

impl Round {
    fn new(name: &str, members: usize) -> Self {
        let world = World::new();
        let model = model(name);
        let members: Vec<(Member, Dataset)> = (0..members).map(|_| (world.member(), dataset(1))).collect();
        members.iter().for_each(|(member, data)| world.register(member, data));
        world.open(&model);
        world.seal(1);
        let requests = members.iter().map(|(member, data)| member.honest(&world, data, &model, 1).claim).collect();
        Self { world, requests }
    }

    /// Runs something and takes the chain back to where it was.
    fn trying<T>(&self, run: impl FnOnce() -> T) -> T {
        let client = &self.world.operator;
        let before = client.request("evm_snapshot", json!([])).expect("a snapshot");
        let result = run();
        assert_eq!(client.request("evm_revert", json!([before])).expect("reverted"), json!(true));
        result
    }

    /// Someone sends claims of others: each time someone else, as accounts remember what they sent.
    fn send(&self, requests: &[Claim]) -> Outcome {
        let relayer = self.world.member();
        relayer.view(&self.world.pool).claim_many(requests.to_vec(), Mode::Send).expect("claimed")
    }
}

/// Places and errors of the refused members.
fn refused(outcome: &Outcome) -> Vec<(u64, String)> {
    let logs = &outcome.receipt().expect("mined").logs;
    let events = logs.iter().filter_map(|log| ContributionRounds::ClaimRefused::decode_log(&log.inner).ok());
    events.map(|event| (event.place.saturating_to(), Revert::decode(&event.reason).name)).collect()
}

#[test]
fn accepts_claims_of_several_members_for_less_gas_each() {
    let round = Round::new("batch", MEMBERS);
    let mut gas = Vec::new();
    for count in [1, 2, 4, 8] {
        let used = round.trying(|| {
            let outcome = round.send(&round.requests[..count]);
            assert_eq!(refused(&outcome), []);
            assert_eq!(round.world.view().round(1).expect("the round").claims, count as u32);
            outcome.gas()
        });
        println!("claimMany of {count}: {used} gas, {} each", used / count as u64);
        gas.push(used);
    }
    // The slope is the price of one more member: it pays for no pairing and none of the key's points.
    let slope = (gas[3] - gas[2]) / 4;
    println!("one more member: {slope} gas; by that slope 16 claims: {} gas", gas[3] + 8 * slope);
    assert!(gas[3] < 8 * gas[0] * 3 / 4, "{gas:?}");

    // What was claimed together is watched and finalized as if it had been claimed one by one.
    round.send(&round.requests[..3]);
    let (view, kit) = (round.world.view(), kit());
    let watcher = Watcher::new(&view, &kit.profile, &kit.srs, &kit.keys).expect("a watcher");
    let latest = round.world.operator.block_number().expect("a block");
    let seen = watcher.see(round.world.pool.block, latest).expect("events");
    let proven = seen.iter().filter(|seen| seen.event == "ContributionProven" && seen.verified == Some(true));
    assert_eq!(proven.count(), 3, "{seen:?}");
    let claims = zkpoc_tests::world::site(&view).claims(1).expect("claims that the contract's hash confirms");
    assert_eq!(claims.len(), 3);
}

#[test]
fn rejects_bad_members_and_claims_for_the_others() {
    let round = Round::new("griefed", 4);
    let honest = round.trying(|| round.send(&round.requests).gas());
    let end = round.requests[0].proof.len();
    // The last point of another member's proof: read without complaint, and wrong.
    let mut forged = round.requests.clone();
    let other = forged[2].proof[end - 64..].to_vec();
    forged[1].proof = [&forged[1].proof[..end - 64], &other].concat().into();
    // An answer of the link that is another scalar.
    let mut unlinked = round.requests.clone();
    let mut link = unlinked[3].link.to_vec();
    link[191] ^= 1;
    unlinked[3].link = link.into();
    // A bound that the proof does not show, and a point off the curve.
    let mut widened = round.requests.clone();
    widened[0].normLog2 -= 1;
    let mut broken = round.requests.clone();
    let mut proof = broken[2].proof.to_vec();
    proof[end - 1] ^= 1;
    broken[2].proof = proof.into();
    let cases = [
        ("another proof's last point", forged, 1, "ZkPocRoundsProof"),
        ("another link", unlinked, 3, "ZkPocRoundsProof"),
        ("another bound", widened, 0, "ZkPocRoundsProof"),
        ("a point off the curve", broken, 2, "PointInvalid"),
    ];
    for (what, requests, place, error) in cases {
        let (used, refusals) = round.trying(|| {
            let outcome = round.send(&requests);
            assert_eq!(round.world.view().round(1).expect("the round").claims, 3, "{what}");
            (outcome.gas(), refused(&outcome))
        });
        assert_eq!(refusals, [(place, error.to_owned())], "{what}");
        println!("four claims, one with {what}: {used} gas (all good: {honest})");
    }
    // Twice the same, and nobody left.
    let twice = [round.requests[0].clone(), round.requests[0].clone()];
    let refusals = round.trying(|| refused(&round.send(&twice)));
    assert_eq!(refusals, [(1, "ZkPocRoundsAlreadyClaimed".to_owned())]);
    let mut alone = round.requests[0].clone();
    alone.lossLog2 -= 1;
    let answer = round.world.view().claim_many(vec![alone], Mode::Send);
    assert_eq!(refusal(answer), "ZkPocRoundsNoneAccepted");
    assert_eq!(refusal(round.world.view().claim_many(vec![], Mode::Send)), "ZkPocRoundsBatch");
    let many = vec![round.requests[0].clone(); 17];
    assert_eq!(refusal(round.world.view().claim_many(many, Mode::DryRun)), "ZkPocRoundsBatch");
    let untouched = round.world.view().round(1).expect("the round");
    assert_eq!((untouched.claims, untouched.remaining.to::<u64>()), (0, 10 * REWARD));
}
