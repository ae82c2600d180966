//! Masked rounds on a chain: every step with real proofs and shares, and what members, strangers and finalizers could do instead.
//!
//! Each party has a home of its own, as in life: files are what a member goes on from. What the honest side sees is asserted: the
//! next step, the error, the balance, the bond.

use std::collections::BTreeMap;

use alloy::primitives::{Bytes, B256, U256};
use tempfile::TempDir;
use zkpoc_circuits::reference::Model;
use zkpoc_client::aggregation::share::{seeds, Share};
use zkpoc_client::aggregation::state::{Outcome as End, Step};
use zkpoc_client::aggregation::{MaskSecret, PairSeed};
use zkpoc_client::chain::{ChainError, Mode};
use zkpoc_client::contribute::masked::{Allowed, Driver, Member as Seated, Standing};
use zkpoc_client::contribute::{model_id, ContributeError, Prepared, Site};
use zkpoc_client::exchange::acknowledgement::Acknowledgement;
use zkpoc_client::exchange::{Folder, Kind, Limits, Source};
use zkpoc_client::home::{Dataset, Home};
use zkpoc_client::watch::Watcher;
use zkpoc_contracts::bindings::{Fault, Post, SecureAggregation};
use zkpoc_engine::encoding::point_to_bytes;
use zkpoc_prover::prove::UpdateOpening;

use zkpoc_tests::world::dataset;
use zkpoc_tests::world::kit;
use zkpoc_tests::world::model;
use zkpoc_tests::world::refusal;
use zkpoc_tests::world::Member;
use zkpoc_tests::world::World;
use zkpoc_tests::world::BOND;
use zkpoc_tests::world::REWARD;

mod faults;
mod replays;

/// Blocks after which nothing is undone.
const CONFIRMATIONS: u64 = 1;
const SHARE: Allowed = Allowed { share: true, ..Allowed::NONE };
const REVEAL: Allowed = Allowed { reveal: true, ..Allowed::NONE };
const DISPUTE: Allowed = Allowed { dispute: true, costly: true, ..Allowed::NONE };
const WITHDRAW: Allowed = Allowed { withdraw: true, ..Allowed::NONE };

/// A member with a dataset and a home.
struct Party {
    member: Member,
    data: Dataset,
    home: Home,
    _folder: TempDir,
}

/// A round with parties that have claimed, and a folder that they exchange things through.
struct Round {
    world: World,
    parties: Vec<Party>,
    model: Model,
    source: Source,
    _folder: TempDir,
}

fn home() -> (Home, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let home = Home::open(Some(&folder.path().join("home"))).expect("a home");
    // Keys are the same for everyone.
    for entry in std::fs::read_dir(kit().home.keys_dir()).expect("keys") {
        let path = entry.expect("a key").path();
        std::fs::copy(&path, home.keys_dir().join(path.file_name().expect("a name"))).expect("copied");
    }
    (home, folder)
}

impl Party {
    fn new(world: &World, shards: usize) -> Self {
        let (home, _folder) = home();
        let (member, data) = (world.member(), dataset(shards));
        world.register(&member, &data);
        Party { member, data, home, _folder }
    }

    /// Runs something with this party's site.
    fn on<T>(&self, world: &World, run: impl FnOnce(&Site<'_>) -> T) -> T {
        let view = self.member.view(&world.pool);
        let (profile, srs) = (&kit().profile, &kit().srs);
        run(&Site { home: &self.home, profile, srs, pool: &view, memory_limit: None })
    }
}

impl Round {
    /// Masked claims of `members` parties in round 1 of a fresh pool.
    fn new(name: &str, members: usize) -> Self {
        Self::with(name, members, 0, 4)
    }

    /// Masked claims, and open ones behind them, whose openings are at the source.
    fn with(name: &str, members: usize, open: usize, shards: usize) -> Self {
        let (world, model) = (World::new(), model(name));
        let parties: Vec<Party> = (0..members + open).map(|_| Party::new(&world, shards)).collect();
        world.open(&model);
        world.seal(1);
        let folder = tempfile::tempdir().expect("a folder");
        let limits = Limits::of(&kit().profile);
        Folder::create(folder.path(), limits).expect("a folder");
        let source = Source::open(folder.path().to_str().expect("a path"), limits).expect("a source");
        let round = Round { world, parties, model, source, _folder: folder };
        for place in 0..members {
            round.claim(place, 1, true).expect("a masked claim");
        }
        for place in members..members + open {
            let prepared = round.claim(place, 1, false).expect("an open claim");
            round.on(place, |site| site.hand_over(1, &prepared.record, &round.source)).expect("handed over");
        }
        round
    }

    fn on<T>(&self, place: usize, run: impl FnOnce(&Site<'_>) -> T) -> T {
        self.parties[place].on(&self.world, run)
    }

    fn claim(&self, place: usize, round: u64, masked: bool) -> Result<Prepared, ContributeError> {
        let data = &self.parties[place].data;
        self.on(place, |site| {
            let prepared = site.prepare_claim(data, &self.model, round, masked, &mut |_| {})?;
            site.claim(&prepared, Mode::Send)?;
            Ok(prepared)
        })
    }

    fn seated(&self, place: usize) -> Seated {
        self.on(place, |site| site.member(&self.parties[place].data, 1)).expect("a seat")
    }

    fn standing(&self, place: usize) -> Standing {
        let member = self.seated(place);
        self.on(place, |site| site.standing(&member, Some(&self.source), CONFIRMATIONS)).expect("a standing")
    }

    fn next(&self, place: usize) -> Step {
        self.standing(place).step
    }

    /// Takes the allowed steps; gives their names and what comes next.
    fn advance(&self, place: usize, allowed: Allowed) -> (Vec<&'static str>, Step) {
        let member = self.seated(place);
        let signer = &self.parties[place].member.signer;
        let how = (allowed, CONFIRMATIONS);
        let answer =
            self.on(place, |site| site.advance_member(&member, Some(&self.source), Some(signer), how, &mut |_| {}));
        let (taken, next) = answer.expect("steps");
        (taken.iter().map(|taken| taken.step).collect(), next)
    }

    fn mine_to(&self, block: u64) {
        let now = self.world.operator.block_number().expect("a block");
        assert!(block >= now, "block {block} is over, it is {now}");
        self.world.node.mine(&self.world.operator, block - now).expect("blocks");
    }

    fn phases(&self) -> zkpoc_client::aggregation::state::Phases {
        self.world.view().aggregation().expect("the contract").phases(1).expect("phases")
    }

    fn to_deadline(&self) {
        self.mine_to(self.phases().claims + 1);
    }

    fn to_publish(&self) {
        self.mine_to(self.phases().shares + CONFIRMATIONS);
    }

    /// The groups are fixed, and these parties have posted.
    fn post(&self, places: &[usize]) {
        self.to_deadline();
        for place in places {
            let (steps, _) = self.advance(*place, SHARE);
            assert!(steps.ends_with(&["post"]), "{place}: {steps:?}");
        }
    }

    /// A finalization of whatever is at the source, acknowledged by these parties.
    fn finalize(&self, acknowledging: &[usize]) -> Result<U256, ContributeError> {
        let finalizer = &self.parties[0];
        finalizer.on(&self.world, |site| {
            let prepared = site.prepare_finalization(&self.model, 1, &self.source, &mut |_| {})?;
            for place in acknowledging {
                let forum = site.forum()?;
                let signer = &self.parties[*place].member.signer;
                let said = Acknowledgement::sign(forum, 1, prepared.finalized.model_id, signer).expect("signed");
                self.source.publish(&said.item(), &said.to_json())?;
            }
            let said = site.acknowledgements(&prepared, &self.source)?;
            site.finalize(&prepared, said, Mode::Send)?;
            Ok(prepared.finalized.included)
        })
    }

    fn settle(&self) -> Result<(), ContributeError> {
        self.on(0, |site| {
            let from = site.pool.proposal(1)?.settleFrom.to::<u64>();
            self.mine_to(from);
            let records = site.claims(1)?.into_iter().map(|claim| claim.record).collect();
            site.pool.settle(1, records, Mode::Send)?;
            Ok(())
        })
    }

    fn paid(&self, place: usize) -> bool {
        let balance = self.world.view().balance(self.parties[place].member.address()).expect("a balance");
        assert!([U256::ZERO, U256::from(REWARD)].contains(&balance));
        !balance.is_zero()
    }

    fn next_model(&self) -> B256 {
        self.world.view().round(2).expect("round 2").modelId
    }

    /// The model that the mean of these parties' updates leads to, computed from their own files.
    fn expected(&self, places: &[usize]) -> B256 {
        let kit = kit();
        let openings: Vec<UpdateOpening> = places.iter().map(|place| self.opening(*place)).collect();
        let grid = zkpoc_circuits::grid::Grid::new(&kit.profile).expect("a grid");
        let sum = UpdateOpening::sum(&kit.profile, &grid, &openings);
        let next = self.model.apply_mean(&kit.profile, &sum.update, places.len() as u64);
        model_id(&kit.srs, &kit.profile, &next).expect("an id")
    }

    fn opening(&self, place: usize) -> UpdateOpening {
        let data = &self.parties[place].data;
        self.on(place, |site| site.stored_record(data, 1)).expect("read").expect("a claim").opening
    }

    /// Posts something else than the honest client would: `change` gets the points of the masks by other place.
    fn post_changed(&self, place: usize, change: impl FnOnce(&mut BTreeMap<usize, Vec<u8>>)) -> Result<(), ChainError> {
        let (member, standing) = (self.seated(place), self.standing(place));
        let roster = standing.chain.roster.clone().expect("a roster");
        let own = roster.place(member.number).expect("a place");
        let (masks, update) = self.on(place, |site| {
            let at = site.mask_place(1).expect("a place");
            let secret = member.record.mask.as_ref().expect("a key");
            let grid = zkpoc_circuits::grid::Grid::new(&kit().profile).expect("a grid");
            let checker = checker();
            let seeds = seeds(secret, &at, &roster, own).expect("seeds");
            let made = Share::prepare(&grid, checker.shape(), checker.bases(), &member.record.opening, &seeds, own);
            let update = site.claims(1).expect("claims")[member.number as usize].record.update.clone();
            (made.masks, update)
        });
        let others = (0..roster.seats.len()).filter(|other| *other != own);
        let bytes = |points: &Vec<_>| points.iter().flat_map(point_to_bytes).collect::<Vec<u8>>();
        let mut by_place: BTreeMap<usize, Vec<u8>> = others.zip(masks.iter().map(bytes)).collect();
        change(&mut by_place);
        let seat = &roster.seats[own];
        let request = Post {
            round: U256::ONE,
            group: U256::from(roster.group),
            place: U256::from(own),
            roster: roster.leaves(),
            seat: zkpoc_contracts::bindings::Seat {
                number: U256::from(seat.number),
                claimant: seat.claimant,
                key: seat.key,
                nullifier: seat.nullifier,
                updateId: seat.update_id,
            },
            update,
            masks: by_place.into_values().flatten().collect::<Vec<u8>>().into(),
        };
        let view = self.parties[place].member.view(&self.world.pool);
        view.aggregation()?.post_share(request, U256::from(BOND), Mode::Send).map(drop)
    }

    fn faults(&self) -> Vec<(u64, Fault)> {
        let view = self.world.view();
        let events = view.aggregation().expect("the contract").events::<SecureAggregation::BondLost>().expect("events");
        events.into_iter().map(|event| (event.number.to::<u64>(), event.reason)).collect()
    }

    fn bonds_held(&self) -> U256 {
        let at = self.world.view().aggregation().expect("the contract").address();
        let answer =
            self.world.operator.request("eth_getBalance", serde_json::json!([at, "latest"])).expect("a balance");
        answer.as_str().expect("text").parse().expect("a number")
    }
}

fn checker() -> zkpoc_client::exchange::share::Checker<'static> {
    zkpoc_client::exchange::share::Checker::new(&kit().profile, &kit().srs).expect("a layout").expect("bases")
}

/// A point of the curve that is no mask.
fn junk() -> Vec<u8> {
    let secret = MaskSecret::random();
    let mask = checker().shape().expand(&PairSeed::from_bytes(*secret.expose()));
    checker().bases().commit(mask.cells()).iter().flat_map(point_to_bytes).collect()
}

#[test]
fn accepts_a_whole_group_and_everyone_can_check_it() {
    let round = Round::new("whole group", 4);
    // Nothing is asked of anyone, and nothing published, before the deadline.
    assert!(matches!(round.next(0), Step::Wait { .. }));
    round.post(&[0, 1, 2, 3]);
    assert_eq!(round.bonds_held(), U256::from(4 * BOND));
    assert!(matches!(round.next(2), Step::Wait { .. }));
    round.to_publish();
    for place in 0..4 {
        assert_eq!(round.advance(place, SHARE), (vec!["publish"], Step::AwaitEnd));
        // A second run finds it published.
        assert_eq!(round.advance(place, SHARE), (vec![], Step::AwaitEnd));
    }
    assert_eq!(round.source.list(Kind::Openings).expect("a list"), [], "nobody's update was handed over");
    assert_eq!(round.finalize(&[0, 1, 2]).expect("finalized"), U256::from(0b1111));
    assert!((0..4).all(|place| round.paid(place)));
    assert_eq!(round.next_model(), round.expected(&[0, 1, 2, 3]));

    round.mine_to(round.phases().disputes);
    for place in 0..4 {
        assert_eq!(round.advance(place, WITHDRAW), (vec!["withdraw"], Step::Done(End::Whole)));
    }
    assert_eq!(round.bonds_held(), U256::ZERO);
    assert_eq!(round.faults(), []);

    // What the chain accepted holds when it is verified again, and the events of the group are told.
    let view = round.world.view();
    let watcher = Watcher::new(&view, &kit().profile, &kit().srs, &kit().keys).expect("a watcher");
    let seen = watcher.see(round.world.pool.block, round.world.operator.block_number().expect("a block"));
    let seen = seen.expect("events");
    let count = |event: &str| seen.iter().filter(|seen| seen.event == event && seen.verified != Some(false)).count();
    assert_eq!(count("ContributionProven"), 4);
    assert_eq!((count("RosterFixed"), count("SharePosted"), count("BondWithdrawn")), (1, 4, 4));
    assert_eq!(count("RoundFinalized"), 1);
}

#[test]
fn accepts_the_rest_when_a_member_is_lost_after_the_roster_is_fixed() {
    let round = Round::new("lost", 4);
    round.post(&[0, 1, 3]);
    round.to_publish();
    // The lost member comes back too late: it notes that its share stays where it is.
    assert_eq!(round.advance(2, SHARE), (vec!["bar"], Step::Done(End::Late)));
    for place in [0, 1, 3] {
        assert_eq!(round.next(place), Step::Reveal { missing: vec![2] });
        assert_eq!(round.advance(place, REVEAL).0, ["reveal"]);
        assert_eq!(round.advance(place, SHARE).0, ["publish"]);
    }
    let standing = round.standing(2);
    let seated = round.seated(2);
    let answer = round.on(2, |site| site.publish_share(&seated, &standing, &round.source));
    assert!(matches!(answer, Err(ContributeError::Step { .. })), "{answer:?}");

    assert_eq!(round.finalize(&[0, 1, 3]).expect("finalized"), U256::from(0b1011));
    round.settle().expect("settled");
    assert_eq!((0..4).map(|place| round.paid(place)).collect::<Vec<_>>(), [true, true, false, true]);
    assert_eq!(round.next_model(), round.expected(&[0, 1, 3]));
    round.mine_to(round.phases().disputes);
    for place in [0, 1, 3] {
        assert_eq!(round.advance(place, WITHDRAW).0, ["withdraw"]);
    }
    assert_eq!((round.bonds_held(), round.faults()), (U256::ZERO, vec![]));
}

#[test]
fn rejects_a_part_of_a_group_and_members_that_posted_nothing() {
    let round = Round::with("part", 4, 1, 4);
    round.post(&[0, 1, 3]);
    round.to_publish();
    for place in [0, 1, 3] {
        round.advance(place, REVEAL);
    }
    // Members that collude know their own updates; the contract takes the group as a whole all the same.
    let openings: BTreeMap<usize, UpdateOpening> = (0..5).map(|place| (place, round.opening(place))).collect();
    let grid = zkpoc_circuits::grid::Grid::new(&kit().profile).expect("a grid");
    let send = |included: &[usize]| {
        let view = round.world.view();
        let claims = zkpoc_tests::world::site(&view).claims(1).expect("claims");
        let hashes: Vec<B256> = included.iter().map(|place| claims[*place].hash).collect();
        let sum = UpdateOpening::sum(&kit().profile, &grid, included.iter().map(|place| &openings[place]));
        let context = zkpoc_contracts::bindings::digests::round_context(
            round.world.operator.chain_id(),
            view.rounds().expect("rounds"),
            U256::ONE,
            zkpoc_contracts::bindings::digests::set_hash(&hashes),
            zkpoc_tests::world::profile_id(&kit().profile),
        );
        let proof = zkpoc_tests::world::prove(&round.model, &sum, included.len() as u64, context);
        let next = model_id(&kit().srs, &kit().profile, &proof.next).expect("an id");
        let forum = zkpoc_tests::world::site(&view).forum().expect("a forum");
        let said = |party: &Party| {
            let said = Acknowledgement::sign(forum, 1, next, &party.member.signer).expect("signed");
            Bytes::copy_from_slice(&said.signature)
        };
        let at = 64 * kit().profile.model_points();
        let request = zkpoc_contracts::bindings::Finalization {
            round: U256::ONE,
            included: included.iter().fold(U256::ZERO, |bits, place| bits | (U256::ONE << *place)),
            records: claims.iter().map(|claim| claim.record.clone()).collect(),
            proof: [&proof.proof[..at], &proof.proof[2 * at..]].concat().into(),
            acknowledgements: round.parties.iter().map(said).collect(),
        };
        view.finalize(request, Mode::Send)
    };
    for part in [&[0][..], &[0, 1], &[1, 3, 4], &[0, 1, 2, 3], &[0, 1, 2, 3, 4], &[2]] {
        assert_eq!(refusal(send(part)), "ZkPocAggregationPartly", "{part:?}");
    }
    // The open claim alone stands, but gives way to a sum with the group in it, for which there is time.
    send(&[4]).expect("the open claim");
    let from = round.world.view().proposal(1).expect("a proposal").settleFrom.to::<u64>();
    assert!(from >= round.phases().reveals, "{from}: the group can still come");
    send(&[0, 1, 3, 4]).expect("the whole group and the open claim");
    round.settle().expect("settled");
    assert_eq!(round.next_model(), round.expected(&[0, 1, 3, 4]));
}

#[test]
fn a_driven_contributor_goes_from_the_beacon_to_its_bond_by_itself() {
    let (world, model) = (World::new(), model("driven"));
    let parties: Vec<Party> = (0..3).map(|_| Party::new(&world, 2)).collect();
    world.open(&model);
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits::of(&kit().profile);
    Folder::create(folder.path(), limits).expect("a folder");
    let source = Source::open(folder.path().to_str().expect("a path"), limits).expect("a source");
    let id = model_id(&kit().srs, &kit().profile, &model).expect("an id");
    parties[0].on(&world, |site| site.publish_model(&model, id, &source)).expect("published");
    let mut steps: Vec<Vec<&str>> = vec![Vec::new(); 3];
    let mut finalized = false;
    for _ in 0..400 {
        for (place, party) in parties.iter().enumerate() {
            let driver = Driver {
                dataset: &party.data,
                source: &source,
                signer: &party.member.signer,
                masked: true,
                costly: false,
                confirmations: CONFIRMATIONS,
            };
            let (taken, failed) = party.on(&world, |site| site.drive(&driver, &mut |_| {}));
            // A node may refuse what another member was faster with; nothing else fails.
            assert!(failed.is_empty(), "{failed:?}");
            steps[place].extend(taken.iter().map(|taken| taken.step));
        }
        if !finalized && steps.iter().all(|steps| steps.contains(&"acknowledge")) {
            parties[0].on(&world, |site| {
                let prepared = site.prepare_finalization(&model, 1, &source, &mut |_| {}).expect("proven");
                let said = site.acknowledgements(&prepared, &source).expect("acknowledged");
                site.finalize(&prepared, said, Mode::Send).expect("finalized");
            });
            finalized = true;
        }
        if steps.iter().all(|steps| steps.contains(&"withdraw")) {
            break;
        }
        world.node.mine(&world.operator, 7).expect("blocks");
    }
    for steps in &steps {
        let own: Vec<&str> = steps.iter().copied().filter(|step| !["seal", "fix", "settle"].contains(step)).collect();
        assert_eq!(own[..4], ["claim", "post", "publish", "acknowledge"], "{steps:?}");
        assert!(own.contains(&"withdraw"), "{steps:?}");
    }
    for party in &parties {
        assert_eq!(world.view().balance(party.member.address()).expect("a balance"), U256::from(REWARD));
    }
}
