//! A pool on a chain of its own, and members with real datasets: what every attack starts from.
//!
//! The profile is `toy`, so keys and proofs take milliseconds. Keys, contracts and homes are made once for the process, on
//! the ceremony's reference string or on the one of [`World::on_reference_string`]; each world is a node of its own, so tests
//! do not see each other's blocks.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::OnceLock;

use alloy::primitives::aliases::{U40, U96};
use alloy::primitives::{keccak256, Address, B256, U256};
use alloy::signers::local::PrivateKeySigner;
use tempfile::TempDir;
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::grid::Grid;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{Model, Shard};
use zkpoc_circuits::round::RoundCircuit;
use zkpoc_circuits::training::TrainingCircuit;
use zkpoc_client::attest::{sign, Audience, SignedAttestation};
use zkpoc_client::chain::deploy::{deploy, Blueprint};
use zkpoc_client::chain::deployment::SrsName;
use zkpoc_client::chain::node::{Node, CHAIN_ID};
use zkpoc_client::chain::pool::default_bounds;
use zkpoc_client::chain::{ChainError, Client, Mode, Outcome, Pool, PoolClient};
use zkpoc_client::contracts_gen::{generate_sources, Generated, ProfileKeys};
use zkpoc_client::contribute::{Prepared, Site, Validity};
use zkpoc_client::formats::bundle::Context;
use zkpoc_client::home::{blinding, Dataset, DatasetManifest, Home, Seed};
use zkpoc_contracts::bindings::digests::{genesis_context, TrainingContext};
use zkpoc_contracts::bindings::Attestation;
use zkpoc_contracts::compile::Artifacts;
use zkpoc_contracts::deploy::PoolConfig;
use zkpoc_engine::encoding::scalar_from_bytes;
use zkpoc_prover::keys::{KeyCache, ProverKey};
use zkpoc_prover::prove::{commit_shard, prove_round, ProvingContext, RoundProof, RoundRequest, UpdateOpening};
use zkpoc_prover::srs::Srs;

/// Blocks from a round's opening to its beacon.
pub const BEACON_DELAY: u64 = 3;
/// Blocks in which a round takes claims.
pub const CLAIM_BLOCKS: u64 = 400;
/// Blocks for a first finalization.
pub const FINALIZE_BLOCKS: u64 = 200;
/// Blocks of the window.
pub const WINDOW_BLOCKS: u64 = 20;
/// Blocks in which members of a group post.
pub const SHARE_BLOCKS: u64 = 60;
/// Blocks in which they reveal seeds.
pub const REVEAL_BLOCKS: u64 = 40;
/// Blocks of disputes.
pub const DISPUTE_BLOCKS: u64 = 60;
/// What a member pays when it posts, in wei.
pub const BOND: u64 = 1_000_000;
/// Reward of a claim, in the token's smallest unit.
pub const REWARD: u64 = 1_000;

/// What is made once.
pub struct Kit {
    /// The profile `toy`.
    pub profile: Profile,
    /// The reference string.
    pub srs: Srs,
    /// Its verifying keys.
    pub keys: ProfileKeys,
    /// The key that proves rounds.
    pub round: ProverKey<RoundCircuit>,
    /// The generated verifiers.
    pub generated: Generated,
    /// All contracts, compiled.
    pub artifacts: Artifacts,
    /// A home with the keys.
    pub home: Home,
    anvil: PathBuf,
    _folder: TempDir,
}

static KIT: OnceLock<Kit> = OnceLock::new();

/// The kit of this process.
pub fn kit() -> &'static Kit {
    KIT.get_or_init(|| {
        let profile = toy();
        let srs = Srs::bundled_ceremony(profile.k).expect("the ceremony");
        Kit::new(profile, srs)
    })
}

fn toy() -> Profile {
    Profile::builtin("toy").expect("the profile")
}

impl Kit {
    fn new(profile: Profile, srs: Srs) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::open(Some(folder.path())).expect("a home");
        let keys = KeyCache::new(&home.keys_dir());
        // Made here, so that tests in parallel find them.
        keys.prover::<TrainingCircuit>(&profile, &srs).expect("training key");
        keys.prover::<DatasetCircuit>(&profile, &srs).expect("dataset key");
        let (round, _) = keys.prover::<RoundCircuit>(&profile, &srs).expect("round key");
        let keys = ProfileKeys::load(&keys, &profile, &srs).expect("verifying keys");
        let generated = generate_sources(&profile, &srs, &keys).expect("sources");
        let artifacts = generated.compile().expect("compiled");
        let anvil = zkpoc_contracts::tools::anvil().expect("anvil");
        Self { profile, srs, keys, round, generated, artifacts, home, anvil, _folder: folder }
    }
}

/// A model everyone can recompute, wrong enough about everything that each step moves it.
pub fn model(name: &str) -> Model {
    let mut model = Model::random(&kit().profile, keccak256(name).0);
    model.layers.iter_mut().skip(1).for_each(|layer| layer.bias.fill(25));
    model
}

/// Id of a profile.
pub fn profile_id(profile: &Profile) -> B256 {
    B256::new(profile.id())
}

/// A committed dataset of `count` shards of records that no other call gets.
pub fn dataset(count: usize) -> Dataset {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let profile = &kit().profile;
    let batch = profile.shard_records() as u16;
    let needed = count as u16 * batch;
    let first = NEXT.fetch_add(needed, Ordering::Relaxed);
    let record = |n: u16| {
        // The number in base 16, as features of four bits.
        let digits = [n >> 12, n >> 8, n >> 4, n].map(|digit| digit & 15);
        [&digits[..], &[n % 7, n % 5]].concat()
    };
    let shards = (0..count as u16)
        .map(|shard| {
            let numbers = first + shard * batch..first + (shard + 1) * batch;
            Shard { features: numbers.clone().flat_map(record).collect(), labels: numbers.map(|n| n % 3).collect() }
        })
        .collect();
    commit(profile, shards, Seed::random())
}

/// Commits to shards for a profile.
pub fn commit(profile: &Profile, shards: Vec<Shard>, seed: Seed) -> Dataset {
    let srs = &kit().srs;
    let grid = Grid::new(profile).expect("a grid");
    let commitment = |(index, shard): (usize, &Shard)| {
        commit_shard(srs, &grid, shard, &blinding(&seed, &profile.id(), index as u64)).expect("a commitment")
    };
    let commitments = shards.iter().enumerate().map(commitment).collect();
    let manifest = DatasetManifest::new(profile, srs.digest(), commitments).expect("a manifest");
    Dataset { manifest, shards, seed }
}

/// A chain with one pool.
pub struct World {
    /// The chain.
    pub node: Node,
    /// Who deployed the pool and opens its rounds.
    pub operator: Client,
    /// Whom the pool trusts.
    pub attestor: PrivateKeySigner,
    /// The pool.
    pub pool: Pool,
}

/// Someone with a key.
pub struct Member {
    /// Its connection.
    pub client: Client,
    /// Its key.
    pub signer: PrivateKeySigner,
}

impl World {
    /// A fresh chain with a deployed pool and no round.
    pub fn new() -> Self {
        Self::with(CHAIN_ID, PrivateKeySigner::random(), PrivateKeySigner::random())
    }

    /// The same on a reference string of `toy`'s size, which every pool of this process is then on.
    ///
    /// # Panics
    /// If a pool of this process is on another one.
    pub fn on_reference_string(srs: Srs) -> Self {
        let digest = srs.digest();
        let kit = KIT.get_or_init(|| Kit::new(toy(), srs));
        assert_eq!(kit.srs.digest(), digest, "pools of this process are on another reference string");
        Self::new()
    }

    /// The same with a chain id and keys of choice: equal keys give equal addresses.
    pub fn with(chain_id: u64, operator: PrivateKeySigner, attestor: PrivateKeySigner) -> Self {
        let node = Node::start_with_id(&kit().anvil, chain_id).expect("a node");
        Self::on(node, operator, attestor)
    }

    /// A fresh chain that keeps the steps of transactions.
    pub fn tracing() -> Self {
        let node = Node::start_tracing(&kit().anvil).expect("a node");
        Self::on(node, PrivateKeySigner::random(), PrivateKeySigner::random())
    }

    fn on(node: Node, operator: PrivateKeySigner, attestor: PrivateKeySigner) -> Self {
        let client = Client::connect(node.url(), Some(operator)).expect("connected");
        node.fund(&client, client.sender().expect("a sender")).expect("funds");
        let pool = Self::deploy(&client, attestor.address());
        Self { node, operator: client, attestor, pool }
    }

    /// Another pool on the same chain.
    pub fn second_pool(&self) -> Pool {
        Self::deploy(&self.operator, self.attestor.address())
    }

    fn deploy(operator: &Client, attestor: Address) -> Pool {
        let kit = kit();
        let (max_norm_log2, max_loss_log2) = default_bounds(&kit.profile);
        let config = PoolConfig {
            admin: operator.sender().expect("a sender"),
            srs_digest: kit.srs.digest(),
            reward: U256::from(REWARD),
            max_norm_log2,
            max_loss_log2,
            round_budget: U96::from(10 * REWARD),
            claim_blocks: U40::from(CLAIM_BLOCKS),
            finalize_blocks: U40::from(FINALIZE_BLOCKS),
            window_blocks: U40::from(WINDOW_BLOCKS),
            beacon_delay: U40::from(BEACON_DELAY),
            share_blocks: U40::from(SHARE_BLOCKS),
            reveal_blocks: U40::from(REVEAL_BLOCKS),
            dispute_blocks: U40::from(DISPUTE_BLOCKS),
            bond: U256::from(BOND),
        };
        let blueprint = Blueprint {
            profile_id: profile_id(&kit.profile),
            srs: SrsName { k: kit.srs.k(), digest: kit.srs.digest(), origin: kit.srs.origin() },
            verifiers: kit.generated.verifiers(),
            artifacts: &kit.artifacts,
            config: &config,
            attestors: &[attestor],
        };
        deploy(operator, &blueprint, |_| {}).expect("deployed")
    }

    /// A member with funds.
    pub fn member(&self) -> Member {
        let signer = PrivateKeySigner::random();
        let client = Client::connect(self.node.url(), Some(signer.clone())).expect("connected");
        self.node.fund(&client, client.sender().expect("a sender")).expect("funds");
        Member { client, signer }
    }

    /// The pool as the operator sees it.
    pub fn view(&self) -> PoolClient<'_> {
        PoolClient::unchecked(&self.operator, &self.pool).expect("a pool")
    }

    /// Registers a dataset for a member, on the word of the pool's attestor.
    pub fn register(&self, member: &Member, data: &Dataset) {
        self.register_in(&self.pool, member, data);
    }

    /// The same in another pool of this chain.
    pub fn register_in(&self, pool: &Pool, member: &Member, data: &Dataset) {
        let view = PoolClient::unchecked(&member.client, pool).expect("a pool");
        let signed = self.attest(pool, member, data);
        view.register(&signed.attestation, &signed.signature, Mode::Send).expect("registered");
    }

    /// Signs whatever a dataset says of itself: an attestor that looks at nothing.
    pub fn attest(&self, pool: &Pool, member: &Member, data: &Dataset) -> SignedAttestation {
        let owner = member.address();
        let registry = pool.address("DataRegistry").expect("a registry");
        let audience = Audience { chain_id: self.operator.chain_id(), registry, owner };
        sign(statement(data, owner), &audience, &self.attestor).expect("signed")
    }

    /// Opens the first round with a model.
    pub fn open(&self, model: &Model) {
        let proof = self.first_proof(model, profile_id(&kit().profile));
        self.view().open_genesis(B256::ZERO, proof, Mode::Send).expect("opened");
    }

    /// A proof that a model is in range, for this pool and a profile id; the seed is zero.
    pub fn first_proof(&self, model: &Model, profile_id: B256) -> Vec<u8> {
        let kit = kit();
        let rounds = self.pool.address("ContributionRounds").expect("rounds");
        let context = genesis_context(self.operator.chain_id(), rounds, B256::ZERO, profile_id);
        let grid = Grid::new(&kit.profile).expect("a grid");
        let sum = UpdateOpening::of_first_model(&kit.profile, &grid, model);
        prove(&Model::zero(&kit.profile), &sum, 1, context).proof
    }

    /// Mines to the claim deadline of the current round.
    pub fn to_deadline(&self) {
        self.node.mine(&self.operator, CLAIM_BLOCKS).expect("blocks");
    }

    /// Voids the current round; the next one has the same model.
    pub fn void_round(&self) {
        self.node.mine(&self.operator, CLAIM_BLOCKS + FINALIZE_BLOCKS).expect("blocks");
        let round = self.view().current_round().expect("a round");
        self.view().void_round(round, Mode::Send).expect("voided");
    }

    /// Waits for a round's beacon and seals it.
    pub fn seal(&self, round: u64) {
        self.node.mine(&self.operator, BEACON_DELAY + 1).expect("blocks");
        self.view().seal(round, Mode::Send).expect("sealed");
    }
}

/// A real proof of the round circuit for whatever is given.
pub fn prove(model: &Model, sum: &UpdateOpening, claims: u64, context: U256) -> RoundProof {
    let kit = kit();
    let proving = ProvingContext::new(&kit.srs, &kit.round).expect("a context");
    let context = scalar_from_bytes(&context.to_be_bytes()).expect("below the order");
    prove_round(&proving, &RoundRequest { model, sum, claims, context }, &mut |_| {}).expect("a proof")
}

/// What an attestation says of a dataset.
pub fn statement(data: &Dataset, owner: Address) -> Attestation {
    Attestation {
        owner,
        subject: keccak256(data.manifest.root),
        profileId: data.manifest.profile_id,
        srsDigest: data.manifest.srs_digest,
        datasetRoot: data.manifest.root,
        shardCount: data.manifest.shard_count(),
        recordCount: data.manifest.record_count,
        epoch: 1,
    }
}

impl Member {
    /// The member's account.
    pub fn address(&self) -> Address {
        self.client.sender().expect("a sender")
    }

    /// A pool as the member sees it.
    pub fn view<'a>(&'a self, pool: &'a Pool) -> PoolClient<'a> {
        PoolClient::unchecked(&self.client, pool).expect("a pool")
    }

    /// The fields a claim is bound to in round `round`, for shard `index`.
    pub fn fields(&self, pool: &Pool, data: &Dataset, round: u64, index: u64) -> TrainingContext {
        TrainingContext {
            chain_id: self.client.chain_id(),
            rounds: pool.address("ContributionRounds").expect("rounds"),
            round: U256::from(round),
            claimant: self.address(),
            subject: keccak256(data.manifest.root),
            root: data.manifest.root,
            index,
            profile_id: data.manifest.profile_id,
            mask_key: B256::ZERO,
        }
    }

    /// A real training proof for any model and fields.
    pub fn train(&self, pool: &Pool, data: &Dataset, model: &Model, fields: &TrainingContext) -> Prepared {
        let view = self.view(pool);
        let (site, terms) = (site(&view), view.terms().expect("terms"));
        let bounds = (terms.max_norm_log2, terms.max_loss_log2);
        site.training(data, model, fields, bounds, &mut |_| {}).expect("a proof")
    }

    /// A real validity proof for the pool's registry.
    pub fn validity(&self, pool: &Pool, data: &Dataset, index: u64) -> Validity {
        let view = self.view(pool);
        let fields = Context::Validity {
            chain_id: self.client.chain_id(),
            registry: view.registry().expect("a registry"),
            owner: self.address(),
            root: data.manifest.root,
            index,
        };
        site(&view).validity(data, index, &fields, &mut |_| {}).expect("a proof")
    }

    /// Proves a shard well-formed, on chain.
    pub fn validate(&self, pool: &Pool, data: &Dataset, index: u64) -> Outcome {
        let validity = self.validity(pool, data, index);
        self.view(pool).validate_shard(&validity.call, Mode::Send).expect("validated")
    }

    /// What the current round draws: the honest claim, with its shard validated before.
    pub fn honest(&self, world: &World, data: &Dataset, model: &Model, round: u64) -> Prepared {
        let index = world.view().drawn_index(round, data.manifest.root).expect("drawn");
        self.validate(&world.pool, data, index);
        self.train(&world.pool, data, model, &self.fields(&world.pool, data, round, index))
    }

    /// Sends a claim.
    pub fn claim(&self, pool: &Pool, prepared: &Prepared) -> Result<Outcome, ChainError> {
        self.view(pool).claim(prepared.claim.clone(), Mode::Send)
    }
}

/// A pool, and what is needed to prove for it.
pub fn site<'a>(view: &'a PoolClient<'a>) -> Site<'a> {
    Site { home: &kit().home, profile: &kit().profile, srs: &kit().srs, pool: view, memory_limit: None }
}

/// The name of the custom error that a call was refused with.
#[track_caller]
pub fn refusal<T: std::fmt::Debug>(answer: Result<T, ChainError>) -> String {
    let error = answer.expect_err("a refusal");
    let revert = error.revert().unwrap_or_else(|| panic!("not a refusal by a contract: {error}"));
    assert!(!revert.meaning.is_empty(), "no plain words for {}", revert.error);
    revert.name.clone()
}
