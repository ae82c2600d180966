//! Attestations and validity results: who vouches for what, and for which profile.

use alloy::primitives::{Address, U256};
use alloy::signers::local::PrivateKeySigner;
use zkpoc_circuits::profile::Profile;
use zkpoc_client::attest::{sign, AttestError, Attestor, Audience};
use zkpoc_client::chain::words::point_to_words;
use zkpoc_client::chain::{ChainError, Mode, Outcome};
use zkpoc_client::home::{Dataset, Seed};
use zkpoc_contracts::bindings::{Circuit, G1Point, VerifierRouter};

use zkpoc_tests::world::commit;
use zkpoc_tests::world::dataset;
use zkpoc_tests::world::kit;
use zkpoc_tests::world::model;
use zkpoc_tests::world::profile_id;
use zkpoc_tests::world::refusal;
use zkpoc_tests::world::statement;
use zkpoc_tests::world::Member;
use zkpoc_tests::world::World;

fn audience(world: &World, owner: Address) -> Audience {
    let registry = world.pool.address("DataRegistry").expect("a registry");
    Audience { chain_id: world.operator.chain_id(), registry, owner }
}

#[test]
fn rejects_a_forged_attestation() {
    let world = World::new();
    let (member, data) = (world.member(), dataset(2));
    let register = |attestation: &zkpoc_contracts::bindings::Attestation, signature: &[u8]| {
        member.view(&world.pool).register(attestation, signature, Mode::Send)
    };
    let audience = audience(&world, member.address());
    // By someone who is no attestor, the contributor included.
    let forged = sign(statement(&data, member.address()), &audience, &PrivateKeySigner::random()).expect("signed");
    assert_eq!(refusal(register(&forged.attestation, &forged.signature)), "ZkPocRegistryNotAttestor");
    // Changed after it was signed: the signature is then that of some other key.
    let signed = world.attest(&world.pool, &member, &data);
    let mut more = signed.attestation.clone();
    more.shardCount = 1;
    assert_eq!(refusal(register(&more, &signed.signature)), "ZkPocRegistryNotAttestor");
    // For another registry, or another chain.
    for other in [
        Audience { registry: world.pool.address("VerifierRouter").expect("a router"), ..audience },
        Audience { chain_id: 1, ..audience },
    ] {
        let elsewhere = sign(statement(&data, member.address()), &other, &world.attestor).expect("signed");
        assert_eq!(refusal(register(&elsewhere.attestation, &elsewhere.signature)), "ZkPocRegistryNotAttestor");
    }
    // The other form of the same signature, and a cut one.
    let mut high = signed.signature;
    let order = U256::from_str_radix("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16);
    let s = order.expect("a number") - U256::from_be_slice(&high[32..64]);
    high[32..64].copy_from_slice(&s.to_be_bytes::<32>());
    high[64] = 55 - high[64];
    assert_eq!(refusal(register(&signed.attestation, &high)), "ECDSAInvalidSignatureS");
    assert_eq!(refusal(register(&signed.attestation, &signed.signature[..64])), "ECDSAInvalidSignatureLength");
    // By another than the attested owner.
    let thief = world.member();
    let stolen = thief.view(&world.pool).register(&signed.attestation, &signed.signature, Mode::Send);
    assert_eq!(refusal(stolen), "ZkPocRegistryNotOwner");
    register(&signed.attestation, &signed.signature).expect("the attested one is registered");
    assert_eq!(refusal(register(&signed.attestation, &signed.signature)), "ZkPocRegistryRootTaken");
}

#[test]
fn rejects_the_same_records_under_two_roots() {
    let world = World::new();
    let member = world.member();
    let folder = tempfile::tempdir().expect("a folder");
    let attestor = Attestor::open(&folder.path().join("attestor")).expect("an attestor");
    let kit = kit();
    let attest = |data: &Dataset, source: &str| {
        let audience = audience(&world, member.address());
        attestor.attest(&kit.srs, &kit.profile, data, source, &audience, &world.attestor)
    };
    let first = dataset(2);
    let signed = attest(&first, "a source").expect("attested");
    let registered = member.view(&world.pool).register(&signed.attestation, &signed.signature, Mode::Send);
    registered.expect("registered");
    // The chain could not tell: under another seed the same records have other commitments.
    let copy = commit(&kit.profile, first.shards.clone(), Seed::random());
    assert_ne!(copy.manifest.root, first.manifest.root);
    for source in ["a source", "another source"] {
        assert!(matches!(attest(&copy, source), Err(AttestError::Duplicate { shard: 0, record: 0, .. })));
    }
}

#[test]
fn rejects_a_validity_proof_of_other_data_or_place() {
    let world = World::new();
    let (member, data, other) = (world.member(), dataset(4), dataset(4));
    world.register(&member, &data);
    let send = |call| -> Result<Outcome, ChainError> { member.view(&world.pool).validate_shard(&call, Mode::Send) };
    let validity = member.validity(&world.pool, &data, 2);
    let with = |change: &dyn Fn(&mut zkpoc_contracts::bindings::DataRegistry::validateShardCall)| {
        let mut call = validity.call.clone();
        change(&mut call);
        refusal(send(call))
    };
    assert_eq!(with(&|call| call.index = U256::from(3)), "ZkPocRegistryNotInRoot");
    assert_eq!(with(&|call| call.index = U256::from(4)), "ZkPocRegistryIndexOutOfRange");
    assert_eq!(with(&|call| call.root = other.manifest.root), "ZkPocRegistryUnknownRoot");
    let foreign = member.validity(&world.pool, &other, 2);
    assert_eq!(with(&|call| call.commitment = foreign.call.commitment.clone()), "ZkPocRegistryNotInRoot");
    assert_eq!(with(&|call| call.proof = foreign.call.proof.clone()), "ZkPocLinkInvalid");
    // The proof of shard 2 for shard 3: its link is bound to the index.
    let third = member.validity(&world.pool, &data, 3);
    let mixed = |call: &mut zkpoc_contracts::bindings::DataRegistry::validateShardCall| {
        *call = third.call.clone();
        call.proof = validity.call.proof.clone();
        call.link = validity.call.link.clone();
    };
    assert_eq!(with(&mixed), "ZkPocLinkInvalid");
    send(validity.call.clone()).expect("validated");
}

#[test]
fn rejects_validity_remembered_under_another_profile() {
    let world = World::new();
    let (member, model) = (world.member(), model("two profiles"));
    // Another profile with the same circuits, so that even the verifier's code is the same.
    let twin = Profile { name: "twin".into(), ..kit().profile.clone() };
    let (here, there) = (profile_id(&kit().profile), profile_id(&twin));
    assert_ne!(here, there);
    let verifiers = [
        (Circuit::Dataset, "DatasetVerifier"),
        (Circuit::Training, "TrainingVerifier"),
        (Circuit::Round, "RoundVerifier"),
    ];
    for (circuit, name) in verifiers {
        let verifier = world.pool.address(name).expect("a verifier");
        let call = VerifierRouter::addCall { profileId: there, circuit, verifier };
        let router = world.pool.address("VerifierRouter").expect("a router");
        world.operator.send("add a route", router, &call, Mode::Send).expect("added");
    }
    let data = dataset(1);
    world.register(&member, &data);
    member.validate(&world.pool, &data, 0);
    // The same commitment, registered for the other profile.
    let shards = data.shards.clone();
    let mut twin_data = Dataset { manifest: data.manifest.clone(), shards, seed: data.seed.clone() };
    twin_data.manifest.profile_id = there;
    let leaves = twin_data.manifest.leaves();
    twin_data.manifest.root = zkpoc_contracts::bindings::digests::merkle_root(&leaves).expect("a root");
    world.register(&member, &twin_data);
    let [x, y] = point_to_words(&data.manifest.commitments[0]);
    let remembered = |profile_id| {
        let call = zkpoc_contracts::bindings::DataRegistry::isValidatedCall {
            profileId: profile_id,
            commitment: G1Point { x, y },
        };
        world.operator.call(world.pool.address("DataRegistry").expect("a registry"), &call).expect("an answer")
    };
    assert!(remembered(here));
    assert!(!remembered(there));

    // A round of the other profile.
    let proof = world.first_proof(&model, there).into();
    let call = zkpoc_contracts::bindings::ContributionRounds::openGenesisCall {
        profileId_: there,
        seed: alloy::primitives::B256::ZERO,
        proof,
    };
    let rounds = world.pool.address("ContributionRounds").expect("rounds");
    world.operator.send("open", rounds, &call, Mode::Send).expect("opened");
    world.seal(1);
    let claim = |member: &Member, data: &Dataset| {
        // The blinding follows from the profile's id, so the secrets are those of the first profile.
        let fields = member.fields(&world.pool, data, 1, 0);
        let own = Dataset { manifest: data.manifest.clone(), shards: data.shards.clone(), seed: data.seed.clone() };
        let mut own = own;
        own.manifest.profile_id = here;
        let mut prepared = member.train(&world.pool, &own, &model, &fields);
        prepared.claim.path =
            zkpoc_contracts::bindings::digests::merkle_path(&data.manifest.leaves(), 0).expect("a path");
        member.claim(&world.pool, &prepared)
    };
    assert_eq!(refusal(claim(&member, &twin_data)), "ZkPocRoundsNotValidated");
    assert_eq!(refusal(claim(&member, &data)), "ZkPocRoundsProfile");
}
