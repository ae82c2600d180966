//! The pool in revm: bindings against the compiled ABI, native digests against the contracts, and the gas of everything but
//! the verifiers (these are stand-ins here; real proofs have their own tests).

use std::collections::{BTreeMap, BTreeSet};

use alloy::json_abi::JsonAbi;
use alloy::primitives::aliases::{U40, U96};
use alloy::primitives::{keccak256, Address, Bytes, B256, U256};
use alloy::signers::local::PrivateKeySigner;
use alloy::signers::SignerSync;
use alloy::sol;
use alloy::sol_types::{SolCall, SolConstructor, SolInterface};
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::ff::PrimeField;
use halo2_proofs::halo2curves::group::Curve;
use halo2_proofs::halo2curves::CurveAffine;
use revm::context::result::{ExecutionResult, Output};
use revm::context::TxEnv;
use revm::database::InMemoryDB;
use revm::handler::MainnetContext;
use revm::primitives::hardfork::SpecId;
use revm::primitives::TxKind;
use revm::{Context, ExecuteCommitEvm, MainBuilder, MainContext, MainnetEvm};
use zkpoc_contracts::bindings::digests;
use zkpoc_contracts::bindings::digests::TrainingContext;
use zkpoc_contracts::bindings::{
    describe_revert, Attestation, Circuit, Claim, ClaimRecord, ContributionRounds, ContributionToken, DataRegistry,
    Finalization, FlatRewardPolicy, G1Point, RoundStatus, VerifierRouter,
};
use zkpoc_contracts::compile::{compile_contracts, Artifacts};
use zkpoc_contracts::deploy;
use zkpoc_contracts::deploy::{Addresses, PoolConfig};

sol! {
    contract StandInVerifier {
        constructor(uint256 salt);
        function accept(bytes calldata proof, uint256[] calldata instances) external;
    }
}

const CHAIN_ID: u64 = 1;
const TRAINING_PROOF_BYTES: usize = 2240;
const DATASET_PROOF_BYTES: usize = 1600;
const ROUND_PROOF_BYTES: usize = 2624;
const ADMIN: Address = Address::with_last_byte(0xAD);

/// The contributor's key.
fn owner() -> PrivateKeySigner {
    PrivateKeySigner::from_slice(&[0x0E; 32]).expect("a key")
}

fn artifacts() -> Artifacts {
    let stand_in = include_str!("../test/utils/StandInVerifier.sol").to_owned();
    let extra = BTreeMap::from([("test/utils/StandInVerifier.sol".to_owned(), stand_in)]);
    compile_contracts(&BTreeMap::new(), &extra).expect("the contracts compile")
}

/// A chain with one block at a time.
struct Chain {
    evm: MainnetEvm<MainnetContext<InMemoryDB>>,
    block: u64,
}

impl Chain {
    fn new() -> Self {
        let evm = Context::mainnet()
            .with_db(InMemoryDB::default())
            .modify_cfg_chained(|cfg| {
                cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA);
                cfg.disable_nonce_check = true;
            })
            .build_mainnet();
        let mut chain = Self { evm, block: 0 };
        chain.roll(100);
        chain
    }

    fn roll(&mut self, block: u64) {
        self.block = block;
        self.evm.ctx.modify_block(|env| env.number = U256::from(block));
    }

    fn transact(&mut self, from: Address, kind: TxKind, data: Vec<u8>) -> ExecutionResult {
        let tx = TxEnv { caller: from, gas_limit: 16_000_000, kind, data: data.into(), ..Default::default() };
        self.evm.transact_commit(tx).expect("a well-formed transaction")
    }

    fn create(&mut self, code: Vec<u8>) -> Address {
        match self.transact(ADMIN, TxKind::Create, code) {
            ExecutionResult::Success { output: Output::Create(_, Some(address)), .. } => address,
            other => panic!("no contract was created: {other:?}"),
        }
    }

    /// Sends a call that must succeed; gives its result and gas.
    fn send<C: SolCall>(&mut self, from: Address, to: Address, call: &C) -> (C::Return, u64) {
        let result = self.transact(from, TxKind::Call(to), call.abi_encode());
        let gas = result.tx_gas_used();
        match result {
            ExecutionResult::Success { output: Output::Call(bytes), .. } => {
                (C::abi_decode_returns(&bytes).expect("the bound return type"), gas)
            }
            ExecutionResult::Revert { output, .. } => {
                panic!("{} reverted: {}", C::SIGNATURE, describe_revert(&output))
            }
            other => panic!("{}: {other:?}", C::SIGNATURE),
        }
    }

    fn call<C: SolCall>(&mut self, to: Address, call: &C) -> C::Return {
        self.send(ADMIN, to, call).0
    }

    /// Sends a call that must revert; gives the error in words.
    fn revert<C: SolCall>(&mut self, from: Address, to: Address, call: &C) -> String {
        match self.transact(from, TxKind::Call(to), call.abi_encode()) {
            ExecutionResult::Revert { output, .. } => describe_revert(&output),
            other => panic!("{} did not revert: {other:?}", C::SIGNATURE),
        }
    }
}

fn word(bytes: [u8; 32]) -> U256 {
    U256::from_le_bytes(bytes)
}

fn scalar(value: U256) -> Fr {
    Fr::from_repr((value % digests::GROUP_ORDER).to_le_bytes()).expect("reduced")
}

fn seeded(seed: &str, index: u64) -> Fr {
    scalar(U256::from_be_bytes(keccak256([seed.as_bytes(), &index.to_be_bytes()].concat()).0))
}

fn point(affine: G1Affine) -> G1Point {
    let coordinates = affine.coordinates().expect("not the identity");
    G1Point { x: word(coordinates.x().to_repr()), y: word(coordinates.y().to_repr()) }
}

fn bytes_of(points: &[&G1Point]) -> Vec<u8> {
    points.iter().flat_map(|p| [p.x.to_be_bytes::<32>(), p.y.to_be_bytes::<32>()].concat()).collect()
}

/// The unit tests' link bases: 5, 7, 11 and 13 times the generator.
fn combine(scalars: &[Fr; 4]) -> G1 {
    let weight: Fr = scalars.iter().zip([5u64, 7, 11, 13]).map(|(s, base)| *s * Fr::from(base)).sum();
    G1Affine::generator() * weight
}

/// A freshly blinded copy of a commitment and the link to it.
fn relink(registered: &G1Affine, context: U256, seed: &str) -> (G1Point, Vec<u8>) {
    let delta: [Fr; 4] = std::array::from_fn(|i| seeded(seed, i as u64));
    let rho: [Fr; 4] = std::array::from_fn(|i| seeded(seed, 10 + i as u64));
    let copy = point((G1::from(*registered) - combine(&delta)).to_affine());
    let nonce = point(combine(&rho).to_affine());
    let e = scalar(digests::link_challenge(context, &point(*registered), &copy, &nonce));
    let mut link = bytes_of(&[&nonce]);
    for (r, d) in rho.iter().zip(&delta) {
        link.extend(word((*r + e * d).to_repr()).to_be_bytes::<32>());
    }
    (copy, link)
}

fn filled(mut head: Vec<u8>, length: usize) -> Bytes {
    while head.len() < length {
        head.push((head.len() * 7 + 1) as u8 | 1);
    }
    head.into()
}

/// A deployed pool with one registered dataset of eight shards.
struct Pool {
    chain: Chain,
    at: Addresses,
    stand_ins: [Address; 3],
    owner: Address,
    profile: B256,
    subject: B256,
    shards: Vec<G1Affine>,
    leaves: Vec<B256>,
    root: B256,
    model: G1Point,
}

impl Pool {
    fn new() -> Self {
        let artifacts = artifacts();
        let mut chain = Chain::new();
        let signer = PrivateKeySigner::from_slice(&[7; 32]).expect("a key");
        let profile = keccak256("profile");
        let config = PoolConfig {
            admin: ADMIN,
            srs_digest: keccak256("srs"),
            reward: U256::from(10).pow(U256::from(19)),
            max_norm_log2: 60,
            max_loss_log2: 253,
            round_budget: U96::from(1_000_000_000_000_000_000_000u128),
            claim_blocks: U40::from(20),
            finalize_blocks: U40::from(20),
            window_blocks: U40::from(10),
            beacon_delay: U40::from(3),
            share_blocks: U40::from(6),
            reveal_blocks: U40::from(6),
            dispute_blocks: U40::from(6),
            bond: U256::from(7),
        };
        let mut at = Addresses::new();
        for name in deploy::ORDER {
            let code = deploy::creation_code(name, &artifacts, &config, &at).expect("creation code");
            let address = chain.create(code);
            at.insert(name.to_owned(), address);
        }
        let stand_ins = [1u64, 2, 3].map(|salt| {
            let mut code = artifacts.get("StandInVerifier").expect("the stand-in").bytecode.clone();
            code.extend(StandInVerifier::constructorCall { salt: U256::from(salt) }.abi_encode());
            chain.create(code)
        });
        let verifiers =
            [(Circuit::Dataset, stand_ins[0]), (Circuit::Training, stand_ins[1]), (Circuit::Round, stand_ins[2])];
        for call in deploy::setup_calls(&at, &[signer.address()], profile, &verifiers).expect("set-up calls") {
            assert!(chain.transact(ADMIN, TxKind::Call(call.to), call.data).is_success(), "{}", call.what);
        }

        let shards: Vec<G1Affine> = (0..8).map(|i| (G1Affine::generator() * seeded("shard", i)).to_affine()).collect();
        let leaves: Vec<B256> =
            (0..).zip(&shards).map(|(i, shard)| digests::leaf(profile, i, &point(*shard))).collect();
        let root = digests::merkle_root(&leaves).expect("a root");
        let attestation = Attestation {
            owner: owner().address(),
            subject: keccak256("subject"),
            profileId: profile,
            srsDigest: config.srs_digest,
            datasetRoot: root,
            shardCount: 8,
            recordCount: 64,
            epoch: 1,
        };
        let digest = digests::attestation_digest(&attestation, CHAIN_ID, at[deploy::REGISTRY]);
        let on_chain =
            chain.call(at[deploy::REGISTRY], &DataRegistry::attestationDigestCall { attestation: attestation.clone() });
        assert_eq!(digest, on_chain, "EIP-712 digest");
        let signature = signer.sign_hash_sync(&digest).expect("a signature").as_bytes().to_vec().into();
        let subject = attestation.subject;
        let (_, gas) =
            chain.send(owner().address(), at[deploy::REGISTRY], &DataRegistry::registerCall { attestation, signature });
        println!("register: {gas} gas");
        let model = point((G1Affine::generator() * seeded("model", 0)).to_affine());
        Self { chain, at, stand_ins, owner: owner().address(), profile, subject, shards, leaves, root, model }
    }

    fn registry(&self) -> Address {
        self.at[deploy::REGISTRY]
    }

    fn rounds(&self) -> Address {
        self.at[deploy::ROUNDS]
    }

    fn accept(&mut self, stand_in: usize, proof: &Bytes, instances: Vec<U256>) {
        let call = StandInVerifier::acceptCall { proof: proof.clone(), instances };
        self.chain.call(self.stand_ins[stand_in], &call);
    }

    fn validate(&mut self, index: usize) -> u64 {
        let context =
            digests::validity_context(CHAIN_ID, self.registry(), self.owner, self.root, index as u64, self.profile);
        let on_chain = self.chain.call(
            self.at[deploy::REGISTRY],
            &DataRegistry::validityContextCall {
                owner: self.owner,
                root: self.root,
                index: U256::from(index),
                profileId: self.profile,
            },
        );
        assert_eq!(context, on_chain, "validity context");
        let (copy, link) = relink(&self.shards[index], context, "validity");
        let proof = filled(bytes_of(&[&copy]), DATASET_PROOF_BYTES);
        self.accept(0, &proof, vec![context]);
        let call = DataRegistry::validateShardCall {
            root: self.root,
            index: U256::from(index),
            commitment: point(self.shards[index]),
            path: digests::merkle_path(&self.leaves, index).expect("a path"),
            proof,
            link: link.into(),
        };
        self.chain.send(self.owner, self.at[deploy::REGISTRY], &call).1
    }

    /// Opens and seals round 1.
    fn open(&mut self) {
        self.chain.roll(self.chain.block + 1);
        let rounds = self.rounds();
        let seed = keccak256("seed");
        let context = digests::genesis_context(CHAIN_ID, rounds, seed, self.profile);
        let call = ContributionRounds::genesisContextCall { seed, profileId_: self.profile };
        assert_eq!(context, self.chain.call(rounds, &call), "genesis context");
        let sum = point((G1Affine::generator() * seeded("sum", 0)).to_affine());
        let proof = filled(bytes_of(&[&point(G1Affine::generator()), &sum, &self.model]), ROUND_PROOF_BYTES);
        self.accept(2, &proof, vec![context, U256::ONE]);
        let genesis = ContributionRounds::openGenesisCall { profileId_: self.profile, seed, proof };
        self.chain.call(rounds, &genesis);
        self.chain.roll(self.chain.block + 4);
        self.chain.call(self.rounds(), &ContributionRounds::sealCall { number: U256::ONE });
    }

    /// An honest claim of the drawn shard, accepted by the stand-in; and the shard's index.
    fn claim(&mut self) -> (Claim, usize) {
        let rounds = self.rounds();
        let info = self.chain.call(rounds, &ContributionRounds::roundInfoCall { number: U256::ONE });
        assert!(matches!(info.status, RoundStatus::Open));
        let index = digests::drawn_index(info.beacon, self.root, self.owner, 8).expect("a draw");
        let drawn = self.chain.call(rounds, &ContributionRounds::drawnIndexCall { number: U256::ONE, root: self.root });
        assert_eq!(U256::from(index), drawn, "drawn index");

        let context = TrainingContext {
            chain_id: CHAIN_ID,
            rounds,
            round: U256::ONE,
            claimant: self.owner,
            subject: self.subject,
            root: self.root,
            index,
            profile_id: self.profile,
            mask_key: B256::ZERO,
        }
        .value();
        let on_chain = self.chain.call(
            rounds,
            &ContributionRounds::trainingContextCall {
                number: U256::ONE,
                claimant: self.owner,
                subject: self.subject,
                root: self.root,
                index: U256::from(index),
                maskKey: B256::ZERO,
            },
        );
        assert_eq!(context, on_chain, "training context");

        let index = index as usize;
        let (copy, link) = relink(&self.shards[index], context, "training");
        let update = point((G1Affine::generator() * seeded("update", 0)).to_affine());
        let proof = filled(bytes_of(&[&self.model, &copy, &update]), TRAINING_PROOF_BYTES);
        self.accept(1, &proof, vec![context, U256::ONE << 60, U256::ONE << 40]);
        let claim = Claim {
            round: U256::ONE,
            root: self.root,
            commitment: point(self.shards[index]),
            path: digests::merkle_path(&self.leaves, index).expect("a path"),
            normLog2: 60,
            lossLog2: 40,
            maskKey: B256::ZERO,
            proof,
            link: link.into(),
            datasetProof: Bytes::new(),
            datasetLink: Bytes::new(),
        };
        (claim, index)
    }
}

#[test]
fn accepts_a_claim_and_spends_little_gas_beside_the_verifier() {
    let mut pool = Pool::new();
    for index in 0..8 {
        let gas = pool.validate(index);
        assert!(gas < 260_000, "validate_shard beside the verifier: {gas} gas");
        if index == 0 {
            println!("validate_shard, {DATASET_PROOF_BYTES}-byte proof, verifier not counted: {gas} gas");
        }
        let remembered = pool.chain.call(
            pool.at[deploy::REGISTRY],
            &DataRegistry::isValidatedCall { profileId: pool.profile, commitment: point(pool.shards[index]) },
        );
        assert!(remembered);
    }
    pool.open();
    let (request, index) = pool.claim();
    let rounds = pool.rounds();
    let (number, gas) =
        pool.chain.send(pool.owner, rounds, &ContributionRounds::claimCall { request: request.clone() });
    assert_eq!(number, U256::ZERO);
    println!("claim, {TRAINING_PROOF_BYTES}-byte proof, verifier not counted: {gas} gas");
    assert!(gas < 290_000, "claim beside the verifier: {gas} gas");
    let model_id = digests::commitment_id(&bytes_of(&[&pool.model])).expect("an id");
    let nullifier = digests::nullifier(model_id, pool.subject, pool.leaves[index]);
    assert!(!pool.chain.call(rounds, &ContributionRounds::isSpentCall { nullifier }), "nullifier");
    let call = ContributionRounds::claimCall { request: request.clone() };
    let error = pool.chain.revert(pool.owner, rounds, &call);
    assert!(error.starts_with("ZkPocRoundsAlreadyClaimed { nullifier: "), "{error}");

    // The end of the round, with every digest computed here and there.
    let update = Bytes::copy_from_slice(&request.proof[128..192]);
    let reward = U256::from(10).pow(U256::from(19));
    let record = ClaimRecord {
        claimant: pool.owner,
        reward: reward.to(),
        nullifier,
        maskKey: B256::ZERO,
        update: update.clone(),
    };
    let hash = digests::claim_hash(pool.owner, reward, nullifier, keccak256(&update), B256::ZERO);
    let call = ContributionRounds::claimsHashCall { number: U256::ONE };
    assert_eq!(digests::claims_hashes(U256::ONE, &[hash])[1], pool.chain.call(rounds, &call), "hash of the claims");
    let set_hash = digests::set_hash(&[hash]);
    let context = digests::round_context(CHAIN_ID, rounds, U256::ONE, set_hash, pool.profile);
    let call = ContributionRounds::roundContextCall { number: U256::ONE, setHash: set_hash };
    assert_eq!(context, pool.chain.call(rounds, &call), "round context");
    let next = point((G1Affine::generator() * seeded("next", 0)).to_affine());
    let next_id = digests::commitment_id(&bytes_of(&[&next])).expect("an id");
    let digest = digests::acknowledgement_digest(U256::ONE, next_id, CHAIN_ID, rounds);
    let call = ContributionRounds::acknowledgementDigestCall { number: U256::ONE, modelId: next_id };
    assert_eq!(digest, pool.chain.call(rounds, &call), "acknowledgement digest");
    let said = owner().sign_hash_sync(&digest).expect("a signature").as_bytes();
    let tail = filled(bytes_of(&[&pool.model, &next]), ROUND_PROOF_BYTES - 64);
    let whole = Bytes::from([&tail[..64], &update[..], &tail[64..]].concat());
    pool.accept(2, &whole, vec![context, U256::ONE]);
    let finalization = Finalization {
        round: U256::ONE,
        included: U256::ONE,
        records: vec![record],
        proof: tail,
        acknowledgements: vec![Bytes::copy_from_slice(&said)],
    };
    pool.chain.roll(pool.chain.block + 20);
    let call = ContributionRounds::finalizeCall { request: finalization };
    let (_, gas) = pool.chain.send(ADMIN, rounds, &call);
    println!("finalize of one claim, {ROUND_PROOF_BYTES}-byte proof, verifier not counted: {gas} gas");
    assert!(gas < 420_000, "finalize beside the verifier: {gas} gas");
    let balance = pool.chain.call(pool.at[deploy::TOKEN], &ContributionToken::balanceOfCall { account: pool.owner });
    assert_eq!(balance, reward);
    assert!(pool.chain.call(rounds, &ContributionRounds::isSpentCall { nullifier }), "nullifier");
    let info = pool.chain.call(rounds, &ContributionRounds::roundInfoCall { number: U256::from(2) });
    assert_eq!(info.modelId, next_id);
}

#[test]
fn rejects_with_an_error_in_words() {
    let mut pool = Pool::new();
    pool.open();
    let (request, _) = pool.claim();
    let rounds = pool.rounds();
    let error = pool.chain.revert(ADMIN, rounds, &ContributionRounds::claimCall { request: request.clone() });
    assert_eq!(error, format!("ZkPocRoundsNotOwner {{ expected: {:?}, got: {ADMIN:?} }}", pool.owner));
    let error = pool.chain.revert(pool.owner, rounds, &ContributionRounds::claimCall { request });
    assert!(error.starts_with("ZkPocRoundsNotValidated { root: "), "{error}");
}

fn assert_same(contract: &str, what: &str, compiled: BTreeSet<Vec<u8>>, bound: BTreeSet<Vec<u8>>) {
    let hex = |set: Vec<&Vec<u8>>| set.into_iter().map(hex::encode).collect::<Vec<_>>();
    assert_eq!(
        hex(compiled.difference(&bound).collect()),
        hex(bound.difference(&compiled).collect()),
        "{contract}: {what} only compiled, only bound"
    );
}

fn assert_bound(
    artifacts: &Artifacts,
    contract: &str,
    calls: impl Iterator<Item = [u8; 4]>,
    errors: impl Iterator<Item = [u8; 4]>,
    events: &[[u8; 32]],
) {
    let abi: JsonAbi = serde_json::from_value(artifacts.get(contract).expect("compiled").abi.clone()).expect("an ABI");
    let bound = |selectors: &mut dyn Iterator<Item = [u8; 4]>| selectors.map(|s| s.to_vec()).collect();
    let (mut calls, mut errors) = (calls, errors);
    assert_same(contract, "functions", abi.functions().map(|f| f.selector().to_vec()).collect(), bound(&mut calls));
    assert_same(contract, "errors", abi.errors().map(|e| e.selector().to_vec()).collect(), bound(&mut errors));
    assert_same(
        contract,
        "events",
        abi.events().map(|e| e.selector().to_vec()).collect(),
        events.iter().map(|e| e.to_vec()).collect(),
    );
}

#[test]
fn golden_bindings_have_exactly_the_compiled_signatures() {
    use ContributionRounds as R;
    use ContributionToken as T;
    use DataRegistry as D;
    use FlatRewardPolicy as P;
    use VerifierRouter as V;
    let artifacts = artifacts();
    let (r, d, t, p, v) = (deploy::ROUNDS, deploy::REGISTRY, deploy::TOKEN, deploy::POLICY, deploy::ROUTER);
    assert_bound(
        &artifacts,
        r,
        R::ContributionRoundsCalls::selectors(),
        R::ContributionRoundsErrors::selectors(),
        R::ContributionRoundsEvents::SELECTORS,
    );
    assert_bound(
        &artifacts,
        d,
        D::DataRegistryCalls::selectors(),
        D::DataRegistryErrors::selectors(),
        D::DataRegistryEvents::SELECTORS,
    );
    assert_bound(
        &artifacts,
        t,
        T::ContributionTokenCalls::selectors(),
        T::ContributionTokenErrors::selectors(),
        T::ContributionTokenEvents::SELECTORS,
    );
    assert_bound(&artifacts, p, P::FlatRewardPolicyCalls::selectors(), P::FlatRewardPolicyErrors::selectors(), &[]);
    assert_bound(
        &artifacts,
        v,
        V::VerifierRouterCalls::selectors(),
        V::VerifierRouterErrors::selectors(),
        V::VerifierRouterEvents::SELECTORS,
    );
    use zkpoc_contracts::bindings::{MaskCommitments as M, SecureAggregation as S};
    assert_bound(
        &artifacts,
        deploy::AGGREGATION,
        S::SecureAggregationCalls::selectors(),
        S::SecureAggregationErrors::selectors(),
        S::SecureAggregationEvents::SELECTORS,
    );
    assert_bound(
        &artifacts,
        deploy::MASKS,
        M::MaskCommitmentsCalls::selectors(),
        M::MaskCommitmentsErrors::selectors(),
        M::MaskCommitmentsEvents::SELECTORS,
    );
    use zkpoc_contracts::bindings::vana::{
        KeylessAttestor as K, LocalVanaPool as L, LocalVanaRegistry as F, VanaProofPool as A,
    };
    assert_bound(
        &artifacts,
        "VanaProofPool",
        A::VanaProofPoolCalls::selectors(),
        A::VanaProofPoolErrors::selectors(),
        A::VanaProofPoolEvents::SELECTORS,
    );
    assert_bound(
        &artifacts,
        "KeylessAttestor",
        K::KeylessAttestorCalls::selectors(),
        K::KeylessAttestorErrors::selectors(),
        K::KeylessAttestorEvents::SELECTORS,
    );
    assert_bound(
        &artifacts,
        "LocalVanaPool",
        L::LocalVanaPoolCalls::selectors(),
        L::LocalVanaPoolErrors::selectors(),
        L::LocalVanaPoolEvents::SELECTORS,
    );
    assert_bound(
        &artifacts,
        "LocalVanaRegistry",
        F::LocalVanaRegistryCalls::selectors(),
        F::LocalVanaRegistryErrors::selectors(),
        F::LocalVanaRegistryEvents::SELECTORS,
    );
}
