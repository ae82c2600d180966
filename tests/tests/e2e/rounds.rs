//! The end of a round: another sum, another model, another time, or no one who holds the next model.

use alloy::primitives::{Bytes, B256, U256};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::group::Curve;
use zkpoc_circuits::grid::Grid;
use zkpoc_circuits::profile::{LearningRate, Profile};
use zkpoc_circuits::reference::Model;
use zkpoc_circuits::round::RoundCircuit;
use zkpoc_client::chain::{ChainError, Mode, Outcome};
use zkpoc_client::contribute::{model_id, RoundClaim};
use zkpoc_client::exchange::acknowledgement::Acknowledgement;
use zkpoc_client::exchange::{Checker, Folder, Limits, Source};
use zkpoc_client::home::Dataset;
use zkpoc_client::watch::Watcher;
use zkpoc_contracts::bindings::digests::{round_context, set_hash};
use zkpoc_contracts::bindings::Finalization;
use zkpoc_engine::encoding::{point_to_bytes, scalar_from_bytes};
use zkpoc_prover::commit::lagrange_basis;
use zkpoc_prover::keys::ProverKey;
use zkpoc_prover::prove::{prove_round, ProvingContext, RoundProof, RoundRequest, UpdateOpening};

use zkpoc_tests::world::dataset;
use zkpoc_tests::world::kit;
use zkpoc_tests::world::model;
use zkpoc_tests::world::profile_id;
use zkpoc_tests::world::prove;
use zkpoc_tests::world::refusal;
use zkpoc_tests::world::site;
use zkpoc_tests::world::Member;
use zkpoc_tests::world::World;
use zkpoc_tests::world::REWARD;
use zkpoc_tests::world::WINDOW_BLOCKS;

/// A round past its claim deadline with claims of real members.
struct Ending {
    world: World,
    members: Vec<(Member, Dataset)>,
    model: Model,
    openings: Vec<UpdateOpening>,
}

/// An honest claim of each member in the current, sealed round; gives their openings.
fn claim_all(world: &World, members: &[(&Member, &Dataset)], model: &Model) -> Vec<UpdateOpening> {
    let round = world.view().current_round().expect("a round");
    let claim = |(member, data): &(&Member, &Dataset)| {
        let prepared = member.honest(world, data, model, round);
        member.claim(&world.pool, &prepared).expect("claimed");
        prepared.record.opening
    };
    members.iter().map(claim).collect()
}

/// Claims of all members, and a finalization that includes them all: gives the next model.
pub(crate) fn finish(world: &World, members: &[(&Member, &Dataset)], model: &Model) -> Model {
    let openings = claim_all(world, members, model);
    world.to_deadline();
    let round = world.view().current_round().expect("a round");
    let (request, proof) =
        finalization(world, members, model, round, &openings, &(0..members.len()).collect::<Vec<_>>());
    world.view().finalize(request, Mode::Send).expect("finalized");
    proof.next
}

fn claims(world: &World, round: u64) -> Vec<RoundClaim> {
    let view = world.view();
    site(&view).claims(round).expect("claims")
}

fn context(world: &World, round: u64, hashes: &[B256]) -> U256 {
    let rounds = world.view().rounds().expect("rounds");
    let profile = profile_id(&kit().profile);
    round_context(world.operator.chain_id(), rounds, U256::from(round), set_hash(hashes), profile)
}

fn id(model: &Model) -> B256 {
    model_id(&kit().srs, &kit().profile, model).expect("an id")
}

/// The call data for a proof: the points of the sum are cut out, every member acknowledges `next`.
fn request(
    world: &World,
    members: &[(&Member, &Dataset)],
    round: u64,
    included: &[usize],
    proof: &[u8],
    next: B256,
) -> Finalization {
    let at = 64 * kit().profile.model_points();
    Finalization {
        round: U256::from(round),
        included: included.iter().fold(U256::ZERO, |bits, place| bits | (U256::ONE << *place)),
        records: claims(world, round).into_iter().map(|claim| claim.record).collect(),
        proof: [&proof[..at], &proof[2 * at..]].concat().into(),
        acknowledgements: members.iter().map(|(member, _)| said(world, member, round, next)).collect(),
    }
}

fn said(world: &World, member: &Member, round: u64, next: B256) -> Bytes {
    let view = world.view();
    let forum = site(&view).forum().expect("a forum");
    let said = Acknowledgement::sign(forum, round, next, &member.signer).expect("signed");
    Bytes::copy_from_slice(&said.signature)
}

/// An honest finalization of some claims.
fn finalization(
    world: &World,
    members: &[(&Member, &Dataset)],
    model: &Model,
    round: u64,
    openings: &[UpdateOpening],
    included: &[usize],
) -> (Finalization, RoundProof) {
    let kit = kit();
    let hashes: Vec<B256> = claims(world, round).iter().map(|claim| claim.hash).collect();
    let hashes: Vec<B256> = included.iter().map(|place| hashes[*place]).collect();
    let grid = Grid::new(&kit.profile).expect("a grid");
    let sum = UpdateOpening::sum(&kit.profile, &grid, included.iter().map(|place| &openings[*place]));
    let proof = prove(model, &sum, included.len() as u64, context(world, round, &hashes));
    (request(world, members, round, included, &proof.proof, id(&proof.next)), proof)
}

impl Ending {
    fn new(name: &str, members: usize) -> Self {
        let world = World::new();
        let model = model(name);
        let members: Vec<(Member, Dataset)> = (0..members).map(|_| (world.member(), dataset(2))).collect();
        members.iter().for_each(|(member, data)| world.register(member, data));
        world.open(&model);
        world.seal(1);
        let pairs: Vec<_> = members.iter().map(|(member, data)| (member, data)).collect();
        let openings = claim_all(&world, &pairs, &model);
        world.to_deadline();
        Ending { world, members, model, openings }
    }

    fn pairs(&self) -> Vec<(&Member, &Dataset)> {
        self.members.iter().map(|(member, data)| (member, data)).collect()
    }

    fn honest(&self, included: &[usize]) -> (Finalization, RoundProof) {
        finalization(&self.world, &self.pairs(), &self.model, 1, &self.openings, included)
    }

    /// A finalization of everyone with a proof and next model of choice.
    fn with(&self, proof: &[u8], next: B256) -> Finalization {
        let all: Vec<usize> = (0..self.members.len()).collect();
        request(&self.world, &self.pairs(), 1, &all, proof, next)
    }

    fn send(&self, request: Finalization) -> Result<Outcome, ChainError> {
        self.world.view().finalize(request, Mode::Send)
    }

    fn balance(&self, member: usize) -> U256 {
        self.world.view().balance(self.members[member].0.address()).expect("a balance")
    }

    fn hashes(&self) -> Vec<B256> {
        claims(&self.world, 1).iter().map(|claim| claim.hash).collect()
    }

    fn sum(&self, included: &[usize]) -> UpdateOpening {
        let grid = Grid::new(&kit().profile).expect("a grid");
        UpdateOpening::sum(&kit().profile, &grid, included.iter().map(|place| &self.openings[*place]))
    }
}

#[test]
fn accepts_rounds_from_first_to_last_model_and_everyone_can_check_them() {
    let ending = Ending::new("all", 3);
    let kit = kit();
    // Openings and the next model pass through a folder, as on the command line.
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits::of(&kit.profile);
    Folder::create(folder.path(), limits).expect("a folder");
    let source = Source::open(folder.path().to_str().expect("a path"), limits).expect("a source");
    let checker = Checker::new(&kit.profile, &kit.srs).expect("a checker");
    for opening in &ending.openings {
        checker.publish(&source, opening).expect("published");
    }
    let view = ending.world.view();
    let site = site(&view);
    let prepared = site.prepare_finalization(&ending.model, 1, &source, &mut |_| {}).expect("proven");
    assert_eq!((prepared.finalized.count, prepared.missing.len(), prepared.stored), (3, 0, false));
    let next = ending.model.apply_mean(&kit.profile, &ending.sum(&[0, 1, 2]).update, 3);
    assert_eq!(prepared.finalized.model_id, id(&next));
    assert_eq!(site.fetch_model(prepared.finalized.model_id, &source).expect("the next model"), next);
    // Nobody holds it yet.
    let none = site.acknowledgements(&prepared, &source).expect("none");
    assert_eq!(refusal(site.finalize(&prepared, none, Mode::Send).map_err(chain)), "ZkPocRoundsAcknowledged");
    for (member, _) in &ending.members[..2] {
        let forum = site.forum().expect("a forum");
        let said = Acknowledgement::sign(forum, 1, id(&next), &member.signer).expect("signed");
        source.publish(&said.item(), &said.to_json()).expect("published");
    }
    // A later run finds the proof stored.
    let again = site.prepare_finalization(&ending.model, 1, &source, &mut |_| {}).expect("stored");
    assert!(again.stored && again.finalized == prepared.finalized);
    let said = site.acknowledgements(&again, &source).expect("two");
    site.finalize(&again, said, Mode::Send).expect("finalized");
    for member in 0..3 {
        assert_eq!(ending.balance(member), U256::from(REWARD));
    }
    assert_eq!(view.round(2).expect("round 2").modelId, id(&next));

    // A second round from there, by two of them.
    ending.world.seal(2);
    let pairs = ending.pairs();
    let last = finish(&ending.world, &pairs[..2], &next);
    assert_ne!(last, next);
    assert_eq!(view.round(3).expect("round 3").modelId, id(&last));
    assert_eq!(ending.balance(0), U256::from(2 * REWARD));

    // Every proof on the chain holds when it is verified again.
    let watcher = Watcher::new(&view, &kit.profile, &kit.srs, &kit.keys).expect("a watcher");
    let latest = ending.world.operator.block_number().expect("a block");
    let seen = watcher.see(ending.world.pool.block, latest).expect("events");
    let bad: Vec<_> = seen.iter().filter(|seen| seen.verified == Some(false)).collect();
    // The first model of this world is not its seed's, which the watcher says; everything else holds.
    assert_eq!(bad.len(), 1, "{bad:?}");
    assert!(bad[0].event == "GenesisSet" && bad[0].text.contains("seed"), "{bad:?}");
    let verified = |event| seen.iter().filter(|seen| seen.event == event && seen.verified == Some(true)).count();
    assert_eq!((verified("ContributionProven"), verified("RoundFinalized")), (5, 2));
}

fn chain(error: zkpoc_client::contribute::ContributeError) -> ChainError {
    match error {
        zkpoc_client::contribute::ContributeError::Chain(error) => error,
        other => panic!("not a refusal: {other}"),
    }
}

#[test]
fn rejects_omitted_doubled_and_swapped_claims() {
    let ending = Ending::new("records", 3);
    let (honest, _) = ending.honest(&[0, 1, 2]);
    let change = |change: &dyn Fn(&mut Finalization)| {
        let mut request = honest.clone();
        change(&mut request);
        refusal(ending.send(request))
    };
    assert_eq!(change(&|request| drop(request.records.pop())), "ZkPocRoundsRecords");
    assert_eq!(change(&|request| request.records[1] = request.records[0].clone()), "ZkPocRoundsRecord");
    assert_eq!(change(&|request| request.records.swap(0, 2)), "ZkPocRoundsRecord");
    assert_eq!(change(&|request| request.records[0].claimant = request.records[1].claimant), "ZkPocRoundsRecord");
    assert_eq!(change(&|request| request.records[0].update = request.records[1].update.clone()), "ZkPocRoundsRecord");
    // The proof of all three with one of them left out, or one that is none.
    assert_eq!(change(&|request| request.included = U256::from(3)), "PairingFailed");
    assert_eq!(change(&|request| request.included = U256::from(15)), "ZkPocRoundsIncluded");
    ending.send(honest.clone()).expect("the untouched one is accepted");
}

#[test]
fn rejects_another_number_of_claims_or_sum() {
    let ending = Ending::new("sum", 2);
    let context = context(&ending.world, 1, &ending.hashes());
    // The right sum divided by one, three; the sum of one; one of them twice.
    let both = ending.sum(&[0, 1]);
    for (sum, claims) in [(&both, 1), (&both, 3), (&ending.sum(&[0]), 2), (&ending.sum(&[0, 0]), 2)] {
        let proof = prove(&ending.model, sum, claims, context);
        assert_eq!(
            refusal(ending.send(ending.with(&proof.proof, id(&proof.next)))),
            "PairingFailed",
            "{claims} claims"
        );
    }
    // The right proof for another set's context, another round, another contract.
    let rounds = ending.world.view().rounds().expect("rounds");
    let profile = profile_id(&kit().profile);
    let hash = set_hash(&ending.hashes());
    let contexts = [
        round_context(31337, rounds, U256::from(2), hash, profile),
        round_context(1, rounds, U256::ONE, hash, profile),
        round_context(31337, ending.world.view().registry().expect("a registry"), U256::ONE, hash, profile),
        round_context(31337, rounds, U256::ONE, set_hash(&ending.hashes()[..1]), profile),
    ];
    for context in contexts {
        let proof = prove(&ending.model, &both, 2, context);
        assert_eq!(refusal(ending.send(ending.with(&proof.proof, id(&proof.next)))), "PairingFailed");
    }
    let (honest, _) = ending.honest(&[0, 1]);
    ending.send(honest).expect("the honest one is accepted");
}

#[test]
fn rejects_another_learning_rate() {
    let ending = Ending::new("rate", 2);
    let kit = kit();
    for rate in [LearningRate { numerator: 2, shift: 9 }, LearningRate { numerator: 1, shift: 8 }] {
        let profile = Profile { learning_rate: rate, ..kit.profile.clone() };
        let key = ProverKey::<RoundCircuit>::generate(&profile, &kit.srs).expect("a key");
        let proving = ProvingContext::new(&kit.srs, &key).expect("a context");
        let context = scalar_from_bytes(&context(&ending.world, 1, &ending.hashes()).to_be_bytes()).expect("a scalar");
        let request = RoundRequest { model: &ending.model, sum: &ending.sum(&[0, 1]), claims: 2, context };
        let proof = prove_round(&proving, &request, &mut |_| {}).expect("a proof for the other rate");
        let refused = refusal(ending.send(ending.with(&proof.proof, id(&proof.next))));
        // Another rate can even be another circuit.
        assert!(["PairingFailed", "ZkPocRoundsProofLength"].contains(&refused.as_str()), "{refused}");
    }
}

#[test]
fn rejects_a_next_model_with_one_cell_changed_or_junk_where_nobody_looks() {
    let ending = Ending::new("junk", 2);
    let kit = kit();
    let (_, proof) = ending.honest(&[0, 1]);
    let columns = kit.profile.model_points();
    let grid = Grid::new(&kit.profile).expect("a grid");
    let rows = grid.rows();
    let places = [
        ("a weight", grid.weight(1, 2, 1).1),
        ("a transposed copy", grid.transposed_weight(2, 1, 1).1),
        ("padding", 0),
        ("a gap", grid.row(grid.gap(1))),
        ("the end of the padding", rows - 33),
        ("the tail", rows - 32),
        ("blinding", rows - 1),
    ];
    for (what, row) in places {
        let base = lagrange_basis(kit.srs.params(), row).expect("a row");
        let at = 64 * 2 * columns;
        let changed: G1Affine = (G1::from(proof.points.next[0]) + G1::from(base)).to_affine();
        let mut bytes = proof.proof.clone();
        bytes[at..at + 64].copy_from_slice(&point_to_bytes(&changed));
        let mut points: Vec<u8> = point_to_bytes(&changed).to_vec();
        proof.points.next[1..].iter().for_each(|point| points.extend(point_to_bytes(point)));
        let next = zkpoc_contracts::bindings::digests::commitment_id(&points).expect("an id");
        assert_eq!(refusal(ending.send(ending.with(&bytes, next))), "PairingFailed", "{what}");
    }
}

#[test]
fn rejects_a_sum_with_junk_in_its_padding() {
    // The finalizer cannot choose the sum: whatever its proof says, the contract puts its own points there. A proof for a sum
    // with other blinding is refused as well, so its tail is the members' too.
    let ending = Ending::new("padding", 2);
    let context = context(&ending.world, 1, &ending.hashes());
    let mut sum = ending.sum(&[0, 1]);
    sum.tails[0][31] += Fr::ONE;
    let proof = prove(&ending.model, &sum, 2, context);
    assert_eq!(refusal(ending.send(ending.with(&proof.proof, id(&proof.next)))), "PairingFailed");
}

#[test]
fn rejects_flipped_bits_and_cut_proofs_of_a_round() {
    let ending = Ending::new("bits", 1);
    let (honest, _) = ending.honest(&[0]);
    let send = |proof: Vec<u8>| {
        let mut request = honest.clone();
        request.proof = proof.into();
        refusal(ending.send(request))
    };
    for at in (0..honest.proof.len()).step_by(61) {
        let mut proof = honest.proof.to_vec();
        proof[at] ^= 1;
        let name = send(proof);
        let known = [
            "PairingFailed",
            "PointInvalid",
            "ScalarNotCanonical",
            "ZeroDenominator",
            "ZkPocRoundsModel",
            // The next model is not the acknowledged one.
            "ZkPocRoundsAcknowledgement",
        ];
        assert!(known.contains(&name.as_str()), "byte {at}: {name}");
    }
    assert_eq!(send(honest.proof[..honest.proof.len() - 1].to_vec()), "ZkPocRoundsProofLength");
    ending.send(honest).expect("the untouched one is accepted");
}

#[test]
fn rejects_the_opening_of_another_round_and_pays_nobody_without_one() {
    let ending = Ending::new("openings", 3);
    let kit = kit();
    let checker = Checker::new(&kit.profile, &kit.srs).expect("a checker");
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits::of(&kit.profile);
    let store = Folder::create(folder.path(), limits).expect("a folder");
    let source = Source::open(folder.path().to_str().expect("a path"), limits).expect("a source");
    checker.publish(&source, &ending.openings[0]).expect("published");
    // The second member hands over an opening of something else under its claim's name.
    let claim = &claims(&ending.world, 1)[1];
    let item = zkpoc_client::exchange::Item::Opening(claim.update_id);
    let (_, named) = checker.write(&ending.openings[2]).expect("a file");
    assert!(store.put(&item, &named).is_err(), "a file that says it is another opening");
    let wrong =
        zkpoc_client::exchange::update::write(&kit.profile, claim.update_id, kit.srs.digest(), &ending.openings[2])
            .expect("a file that lies about its name");
    store.put(&item, &wrong).expect("stored");
    let error = checker.fetch(&source, claim.update_id).expect_err("another update");
    assert!(error.is_refusal(), "{error}");
    // The third hands over nothing. The first is finalized alone, and paid alone.
    let view = ending.world.view();
    let site = site(&view);
    let prepared = site.prepare_finalization(&ending.model, 1, &source, &mut |_| {}).expect("proven");
    assert_eq!(prepared.missing, [1, 2]);
    let next = prepared.finalized.model_id;
    let said = ending.members.iter().map(|(member, _)| said(&ending.world, member, 1, next)).collect();
    site.finalize(&prepared, said, Mode::Send).expect("finalized");
    let records = || claims(&ending.world, 1).into_iter().map(|claim| claim.record).collect();
    assert_eq!(refusal(view.settle(1, records(), Mode::Send)), "ZkPocRoundsTooEarly");
    ending.world.node.mine(&ending.world.operator, WINDOW_BLOCKS).expect("blocks");
    view.settle(1, records(), Mode::Send).expect("settled");
    assert_eq!((ending.balance(0), ending.balance(1)), (U256::from(REWARD), U256::ZERO));
    assert_eq!(refusal(view.settle(1, records(), Mode::Send)), "ZkPocRoundsNotOpen");
}

#[test]
fn rejects_fewer_claims_after_more_and_whatever_comes_too_early_or_too_late() {
    let ending = Ending::new("window", 3);
    ending.send(ending.honest(&[0, 1]).0).expect("two of three");
    assert_eq!(refusal(ending.send(ending.honest(&[2]).0)), "ZkPocRoundsNotMore");
    assert_eq!(refusal(ending.send(ending.honest(&[1, 2]).0)), "ZkPocRoundsNotMore");
    assert_eq!(refusal(ending.world.view().void_round(1, Mode::Send)), "ZkPocRoundsHasProposal");
    ending.send(ending.honest(&[0, 1, 2]).0).expect("all take their place");
    assert_eq!(ending.balance(2), U256::from(REWARD));

    // In the next round: before the claim deadline.
    ending.world.seal(2);
    let (pairs, next) = (ending.pairs(), ending.honest(&[0, 1, 2]));
    // The proof of round 1 again.
    assert_eq!(refusal(ending.send(next.0)), "ZkPocRoundsNotOpen");
    let openings = claim_all(&ending.world, &pairs[..1], &next.1.next);
    let early = finalization(&ending.world, &pairs[..1], &next.1.next, 2, &openings, &[0]).0;
    assert_eq!(refusal(ending.send(early.clone())), "ZkPocRoundsTooEarly");
    ending.world.void_round();
    assert_eq!(refusal(ending.send(early)), "ZkPocRoundsNotOpen");
}

#[test]
fn rejects_acknowledgements_that_are_missing_or_anothers() {
    let ending = Ending::new("acks", 2);
    let (honest, proof) = ending.honest(&[0, 1]);
    let next = id(&proof.next);
    let change = |change: &dyn Fn(&mut Finalization)| {
        let mut request = honest.clone();
        change(&mut request);
        refusal(ending.send(request))
    };
    assert_eq!(change(&|request| request.acknowledgements[0] = Bytes::new()), "ZkPocRoundsAcknowledged");
    assert_eq!(change(&|request| request.acknowledgements.clear()), "ZkPocRoundsRecords");
    assert_eq!(
        change(&|request| request.acknowledgements[1] = request.acknowledgements[0].clone()),
        "ZkPocRoundsAcknowledgement"
    );
    let stranger = ending.world.member();
    for (member, round, model) in
        [(&stranger, 1, next), (&ending.members[1].0, 2, next), (&ending.members[1].0, 1, id(&ending.model))]
    {
        let forged = said(&ending.world, member, round, model);
        assert_eq!(change(&|request| request.acknowledgements[1] = forged.clone()), "ZkPocRoundsAcknowledgement");
    }
    ending.send(honest.clone()).expect("the untouched one is accepted");
}

#[test]
fn rejects_to_pay_a_void_round() {
    let ending = Ending::new("void", 1);
    ending.world.void_round();
    assert_eq!(ending.balance(0), U256::ZERO);
    let (honest, _) = ending.honest(&[0]);
    assert_eq!(refusal(ending.send(honest.clone())), "ZkPocRoundsNotOpen");
    // Its records in the next round, which has no claims.
    let mut moved = honest;
    moved.round = U256::from(2);
    ending.world.to_deadline();
    assert_eq!(refusal(ending.send(moved)), "ZkPocRoundsIncluded");
    ending.world.void_round();
    // Claimed anew in a later round of the same model when the same shard is drawn, it is paid once.
    let (member, data) = &ending.members[0];
    let drawn = |round| ending.world.view().drawn_index(round, data.manifest.root).expect("drawn");
    let (before, mut round) = (drawn(1), 3);
    ending.world.seal(round);
    while drawn(round) != before {
        ending.world.void_round();
        round += 1;
        ending.world.seal(round);
    }
    let fields = member.fields(&ending.world.pool, data, round, before);
    let again = member.train(&ending.world.pool, data, &ending.model, &fields);
    member.claim(&ending.world.pool, &again).expect("claimed");
    ending.world.to_deadline();
    let pairs = ending.pairs();
    let request =
        finalization(&ending.world, &pairs, &ending.model, round, std::slice::from_ref(&again.record.opening), &[0]).0;
    ending.send(request).expect("finalized");
    assert_eq!(ending.balance(0), U256::from(REWARD));
}
