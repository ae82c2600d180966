//! Vana's pools: a real proof pays once, at its adapter, for its file; everything else is refused.

use alloy::primitives::{keccak256, Address, B256, U256};
use zkpoc_circuits::reference::Model;
use zkpoc_client::chain::pool::default_bounds;
use zkpoc_client::chain::Mode;
use zkpoc_client::home::Dataset;
use zkpoc_client::vana::claim::{file_with_url, of_claim, prove_file, request_reward, Target};
use zkpoc_client::vana::deploy::{
    fund, keyless_attestor, local_pool, local_registry, local_token, proof_pool, set_model, AdapterTerms, PoolTerms,
};
use zkpoc_client::vana::report::report;
use zkpoc_client::vana::{Adapter, Kind, VanaError};
use zkpoc_contracts::bindings::digests::TrainingContext;
use zkpoc_contracts::bindings::vana::{FileClaim, LocalVanaPool, LocalVanaRegistry, VanaProofPool};
use zkpoc_contracts::bindings::{ContributionToken, DataRegistry, Verifier};
use zkpoc_contracts::deploy::role;

use zkpoc_tests::world::dataset;
use zkpoc_tests::world::kit;
use zkpoc_tests::world::model;
use zkpoc_tests::world::profile_id;
use zkpoc_tests::world::refusal;
use zkpoc_tests::world::site;
use zkpoc_tests::world::Member;
use zkpoc_tests::world::World;

/// Seed of the adapters' model.
const SEED: B256 = B256::repeat_byte(0x51);
/// What a score of 1 earns.
const FACTOR: u64 = 4_000;
const FUNDS: u64 = 1_000_000;

/// Vana's side of a world.
struct Vana {
    pool: Address,
    keyless: Address,
    template: Address,
    token: Address,
}

impl Vana {
    fn new(world: &World) -> Self {
        let (kit, view) = (kit(), world.view());
        let token = local_token(&world.operator, &kit.artifacts).expect("a token");
        let files = local_registry(&world.operator, &kit.artifacts).expect("a registry").address;
        let (max_norm_log2, max_loss_log2) = default_bounds(&kit.profile);
        let adapter = AdapterTerms { files, max_norm_log2, max_loss_log2 };
        let terms = PoolTerms {
            token,
            name: "a pool".into(),
            public_key: String::new(),
            instruction: "an instruction".into(),
            factor: U256::from(FACTOR),
        };
        let id = profile_id(&kit.profile);
        let pool = proof_pool(&view, &kit.artifacts, id, &adapter, &terms).expect("a pool").address;
        let template =
            local_pool(&world.operator, &kit.artifacts, files, &terms, U256::from(3)).expect("a pool").address;
        let keyless = keyless_attestor(&view, &kit.artifacts, id, &adapter, template, U256::from(3));
        let keyless = keyless.expect("an attestor").address;
        let ask = LocalVanaPool::updateTeePoolCall { newTeePool: keyless };
        world.operator.send("set-up", template, &ask, Mode::Send).expect("set up");
        for pool in [pool, template] {
            fund(&world.operator, token, pool, U256::from(FUNDS)).expect("funds");
        }
        for adapter in [pool, keyless] {
            set_model(&site(&view), adapter, SEED, &mut |_| {}).expect("a model");
        }
        Self { pool, keyless, template, token }
    }

    fn balance(&self, member: &Member) -> U256 {
        member
            .client
            .call(self.token, &ContributionToken::balanceOfCall { account: member.address() })
            .expect("a balance")
    }
}

fn start_model() -> Model {
    Model::random(&kit().profile, SEED.0)
}

/// A real request of a member for any file, context and shard.
fn request(world: &World, member: &Member, data: &Dataset, at: Address, file: U256, index: u64) -> FileClaim {
    let fields = TrainingContext { rounds: at, round: file, ..member.fields(&world.pool, data, 0, index) };
    let claim = member.train(&world.pool, data, &start_model(), &fields).claim;
    of_claim(file, index, claim)
}

#[test]
fn accepts_a_file_once_at_each_adapter() {
    let world = World::new();
    let vana = Vana::new(&world);
    let (member, data, model) = (world.member(), dataset(2), start_model());
    world.register(&member, &data);
    let view = member.view(&world.pool);
    let site = site(&view);
    for (place, (address, kind)) in [(vana.pool, Kind::Pool), (vana.keyless, Kind::Keyless)].into_iter().enumerate() {
        let adapter = Adapter::open(&view, address, profile_id(&kit().profile)).expect("an adapter");
        assert_eq!((adapter.kind(), adapter.address()), (kind, address));
        assert_eq!(adapter.pool(), if kind == Kind::Pool { vana.pool } else { vana.template });
        let url = format!("ipfs://{place}");
        let (file, added) = file_with_url(&adapter, &url).expect("a file");
        assert!(added.is_some());
        assert!(file_with_url(&adapter, &url).expect("the same file").1.is_none());
        // The contract's context is the one that proofs are made for.
        let fields = TrainingContext { rounds: address, round: file, ..member.fields(&world.pool, &data, 0, 1) };
        let context = VanaProofPool::fileContextCall {
            fileId: file,
            owner: member.address(),
            subject: fields.subject,
            root: fields.root,
            index: U256::from(1),
        };
        assert_eq!(member.client.call(address, &context).expect("a context"), fields.value());

        let target = Target { file, dataset: &data, index: 1, model: &model };
        // The first brings the shard's validity proof along.
        let proven = prove_file(&site, &adapter, &target, Mode::Send, &mut |_| {}).expect("proven");
        assert!(proven.outcome.is_some() && proven.proof_bytes > 0);
        let before = vana.balance(&member);
        let paid = request_reward(&adapter, file, proven.nullifier).expect("paid");
        assert!(paid.amount > U256::ZERO && paid.amount <= U256::from(FACTOR), "{paid:?}");
        assert_eq!(paid.amount * U256::from(10).pow(U256::from(18)), paid.score * U256::from(FACTOR));
        assert_eq!(vana.balance(&member) - before, paid.amount);

        // Every step can be run again, and does nothing.
        let again = prove_file(&site, &adapter, &target, Mode::Send, &mut |_| {}).expect("proven before");
        assert!(again.outcome.is_none() && again.nullifier == proven.nullifier);
        let again = request_reward(&adapter, file, proven.nullifier).expect("paid before");
        assert!(again.outcome.is_none() && again.amount == paid.amount);
        assert_eq!(refusal(adapter.request_reward(file, 1, Mode::Send)), "FileAlreadyAdded");

        let document = report(&view, &adapter, file).expect("a report");
        assert_eq!((document["valid"].as_bool(), document["uniqueness"].as_f64()), (Some(true), Some(1.0)));
        assert_eq!((document["authenticity"].as_f64(), document["ownership"].as_f64()), (Some(1.0), Some(1.0)));
        assert_eq!(document["score"], document["quality"]);
        assert_eq!(document["attributes"]["uniqueness"]["nullifier"], proven.nullifier.to_string());
        for field in ["dlp_id", "attributes", "metadata"] {
            assert!(!document[field].is_null(), "{field}");
        }
    }
    // The next file of the same shard.
    let adapter = Adapter::open(&view, vana.pool, profile_id(&kit().profile)).expect("an adapter");
    let (second, _) = file_with_url(&adapter, "ipfs://again").expect("a file");
    let target = Target { file: second, dataset: &data, index: 1, model: &model };
    let used = prove_file(&site, &adapter, &target, Mode::Send, &mut |_| {}).expect_err("used");
    assert!(matches!(used, VanaError::Used { index: 1, .. }), "{used}");
    assert!(matches!(report(&view, &adapter, second), Err(VanaError::NotProven { .. })));
}

#[test]
fn rejects_a_real_proof_elsewhere() {
    let world = World::new();
    let vana = Vana::new(&world);
    let (member, thief, data) = (world.member(), world.member(), dataset(3));
    let bobs = dataset(1);
    world.register(&member, &data);
    world.register(&thief, &bobs);
    for index in 0..3 {
        member.validate(&world.pool, &data, index);
    }
    let view = member.view(&world.pool);
    let (mine, theirs) = (member.view(&world.pool), thief.view(&world.pool));
    let id = profile_id(&kit().profile);
    let adapter = Adapter::open(&mine, vana.pool, id).expect("an adapter");
    let keyless = Adapter::open(&mine, vana.keyless, id).expect("an adapter");
    let stolen = Adapter::open(&theirs, vana.pool, id).expect("an adapter");
    let (file, _) = file_with_url(&adapter, "ipfs://mine").expect("a file");
    let (other, _) = file_with_url(&adapter, "ipfs://other").expect("a file");
    let (foreign, _) = file_with_url(&stolen, "ipfs://thief").expect("a file");
    let good = request(&world, &member, &data, vana.pool, file, 0);
    let tried = |adapter: &Adapter<'_>, request: FileClaim| refusal(adapter.prove_file(request, Mode::Send));
    let with = |change: &dyn Fn(&mut FileClaim)| {
        let mut request = good.clone();
        change(&mut request);
        request
    };

    // Another file of the owner, of another owner, of nobody.
    assert_eq!(tried(&adapter, with(&|r| r.fileId = other)), "ZkPocLinkInvalid");
    assert_eq!(tried(&stolen, with(&|r| r.fileId = foreign)), "ZkPocVanaNotOwner");
    assert_eq!(tried(&adapter, with(&|r| r.fileId = U256::from(999))), "ZkPocVanaNoFile");
    // Another adapter, another shard, another dataset.
    assert_eq!(tried(&keyless, good.clone()), "ZkPocLinkInvalid");
    assert_eq!(tried(&adapter, with(&|r| r.index = U256::from(1))), "ZkPocVanaNotInRoot");
    assert_eq!(tried(&adapter, with(&|r| r.index = U256::from(3))), "ZkPocVanaIndex");
    assert_eq!(tried(&stolen, with(&|r| (r.fileId, r.root) = (foreign, bobs.manifest.root))), "ZkPocVanaNotInRoot");
    // Better bounds than the proven ones; a changed proof.
    assert_eq!(tried(&adapter, with(&|r| r.lossLog2 -= 4)), "PairingFailed");
    assert_eq!(tried(&adapter, with(&|r| r.normLog2 -= 4)), "PairingFailed");
    let mut proof = good.proof.to_vec();
    let last = proof.len() - 65;
    proof[last] ^= 1;
    assert!(adapter.prove_file(with(&|r| r.proof = proof.clone().into()), Mode::Send).is_err());
    assert_eq!(tried(&adapter, with(&|r| r.proof = good.proof[1..].to_vec().into())), "ZkPocVanaProofLength");
    // A claim of a round on the same shard and model, in the round of the file's number.
    let fields = member.fields(&world.pool, &data, file.to(), 0);
    let claim = member.train(&world.pool, &data, &start_model(), &fields).claim;
    let of_round = |r: &mut FileClaim| (r.proof, r.link) = (claim.proof.clone(), claim.link.clone());
    assert_eq!(tried(&adapter, with(&of_round)), "ZkPocLinkInvalid");
    // The proof itself is bound, not its link alone.
    let instances =
        |fields: &TrainingContext| vec![fields.value(), U256::from(1) << good.normLog2, U256::from(1) << good.lossLog2];
    let verifier = world.pool.address("TrainingVerifier").expect("a verifier");
    let ask = |instances| member.client.call(verifier, &Verifier::verifyCall { proof: good.proof.clone(), instances });
    let right = TrainingContext { rounds: vana.pool, round: file, ..fields };
    ask(instances(&right)).expect("its own context");
    for wrong in [
        TrainingContext { round: other, ..right },
        TrainingContext { rounds: vana.keyless, ..right },
        TrainingContext { chain_id: right.chain_id + 1, ..right },
        TrainingContext { claimant: thief.address(), ..right },
    ] {
        assert_eq!(refusal(ask(instances(&wrong)).map(drop)), "PairingFailed");
    }
    // Another model.
    let another = member.train(&world.pool, &data, &model("another"), &right).claim;
    assert_eq!(tried(&adapter, with(&|r| r.proof = another.proof.clone())), "ZkPocVanaModel");

    // It is good where it belongs, whoever sends it.
    stolen.prove_file(good.clone(), Mode::Send).expect("proven");
    assert_eq!(tried(&adapter, good.clone()), "ZkPocVanaProven");
    let again = request(&world, &member, &data, vana.pool, other, 0);
    assert_eq!(tried(&adapter, again), "ZkPocVanaUsed");
    // Bob has the proof's entry copied to his own file.
    let entry = adapter.proof(file, 1).expect("a proof");
    let files = adapter.files();
    let copy = LocalVanaRegistry::addProofCall { fileId: foreign, proof: entry };
    thief.client.send("copying", files, &copy, Mode::Send).expect("anyone adds proofs");
    assert_eq!(refusal(stolen.request_reward(foreign, 1, Mode::Send)), "InvalidProof");
    stolen.request_reward(file, 1, Mode::Send).expect("anyone may ask");
    assert!(vana.balance(&member) > U256::ZERO && vana.balance(&thief).is_zero());

    // The attestor is revoked: nothing more is proven with its datasets.
    let registry = world.pool.address("DataRegistry").expect("a registry");
    let attestor = world.attestor.address();
    let revoke = DataRegistry::revokeRoleCall { role: role("ATTESTOR_ROLE"), account: attestor };
    world.operator.send("revoking", registry, &revoke, Mode::Send).expect("revoked");
    let late = request(&world, &member, &data, vana.pool, other, 1);
    assert_eq!(tried(&adapter, late), "ZkPocRegistryNotAttestor");
    let document = report(&view, &adapter, file).expect("a report");
    assert_eq!((document["valid"].as_bool(), document["authenticity"].as_f64()), (Some(false), Some(0.0)));
}

#[test]
fn rejects_in_words_before_any_work() {
    let world = World::new();
    let vana = Vana::new(&world);
    let (member, other, data, model) = (world.member(), world.member(), dataset(1), start_model());
    world.register(&member, &data);
    let (view, theirs) = (member.view(&world.pool), other.view(&world.pool));
    let id = profile_id(&kit().profile);
    let adapter = Adapter::open(&view, vana.pool, id).expect("an adapter");
    // Not an adapter; one of another profile or deployment.
    assert!(matches!(Adapter::open(&view, vana.token, id), Err(VanaError::Chain(_))));
    let error = Adapter::open(&view, vana.pool, keccak256("another")).expect_err("another profile");
    assert!(matches!(error, VanaError::Adapter { what: "profile", .. }), "{error}");
    let second = world.second_pool();
    let elsewhere = member.view(&second);
    let error = Adapter::open(&elsewhere, vana.pool, id).expect_err("another deployment");
    assert!(matches!(error, VanaError::Adapter { what: "dataset registry", .. }), "{error}");
    // A url and a file of someone else.
    let foreign = Adapter::open(&theirs, vana.pool, id).expect("an adapter");
    let (taken, _) = file_with_url(&foreign, "ipfs://taken").expect("a file");
    assert!(matches!(file_with_url(&adapter, "ipfs://taken"), Err(VanaError::UrlTaken { .. })));
    let site = site(&view);
    let prove = |file, index, model| {
        let target = Target { file, dataset: &data, index, model };
        prove_file(&site, &adapter, &target, Mode::Send, &mut |_| {}).expect_err("refused")
    };
    assert!(matches!(prove(taken, 0, &model), VanaError::NotOwner { .. }));
    let (mine, _) = file_with_url(&adapter, "ipfs://mine").expect("a file");
    let wrong = zkpoc_tests::world::model("wrong");
    assert!(matches!(prove(mine, 0, &wrong), VanaError::OtherModel { .. }));
    assert!(prove(mine, 1, &model).to_string().contains("no shard 1"));
    assert!(matches!(request_reward(&adapter, mine, B256::ZERO), Err(VanaError::NotProven { .. })));
    // No file at all.
    let error = refusal(adapter.prove_file(request(&world, &member, &data, vana.pool, U256::ZERO, 0), Mode::Send));
    assert_eq!(error, "ZkPocVanaNoFile");
}
