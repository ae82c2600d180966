//! One round of a pool, driven from code on a local chain of its own: a dataset is committed to, attested and registered, a plain
//! claim is proven and sent, the next model is proven and acknowledged, and the claim is paid.
//!
//! ```text
//! cargo run --release -p zkpoc-client --example drive_a_round
//! ```
//!
//! The profile is `toy`: its proofs take seconds at most. The compiler and the node are the pinned npm packages, which are installed
//! on first use (Node.js and npm are needed). One account plays each part; in a real pool they are different people on different
//! machines, and only a masked claim keeps the update from whoever finalizes.

use std::error::Error;

use alloy::primitives::aliases::{U40, U96};
use alloy::primitives::{keccak256, B256, U256};
use alloy::signers::local::PrivateKeySigner;
use zkpoc_circuits::grid::Grid;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::Shard;
use zkpoc_client::attest::sign;
use zkpoc_client::chain::deploy::{deploy, Blueprint};
use zkpoc_client::chain::deployment::SrsName;
use zkpoc_client::chain::node::Node;
use zkpoc_client::chain::pool::{default_bounds, whole_tokens};
use zkpoc_client::contracts_gen::{generate_sources, ProfileKeys};
use zkpoc_client::exchange::acknowledgement::Acknowledgement;
use zkpoc_client::exchange::{Folder, Limits, Source};
use zkpoc_client::home::{blinding, Seed};
use zkpoc_client::{Audience, Client, Dataset, DatasetManifest, Home, Mode, PoolClient, Site};
use zkpoc_contracts::bindings::{Attestation, ContributionRounds};
use zkpoc_contracts::deploy::{PoolConfig, REGISTRY};
use zkpoc_prover::keys::KeyCache;
use zkpoc_prover::prove::commit_shard;
use zkpoc_prover::srs::Srs;

/// Blocks in which the round takes claims.
const CLAIM_BLOCKS: u64 = 40;
/// Blocks from the round's opening to its beacon.
const BEACON_DELAY: u64 = 3;
/// A claim's reward: one token of 18 decimals.
const REWARD: u64 = 1_000_000_000_000_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let home = Home::open(Some(&folder.path().join("home")))?;
    let profile = Profile::builtin("toy").ok_or("no such profile")?;
    let srs = Srs::bundled_ceremony(profile.k)?;
    let profile_id = B256::new(profile.id());

    println!("keys, contracts and a chain");
    let keys = ProfileKeys::load(&KeyCache::new(&home.keys_dir()), &profile, &srs)?;
    let generated = generate_sources(&profile, &srs, &keys)?;
    let artifacts = generated.compile()?;
    let node = Node::start(&zkpoc_contracts::tools::anvil()?)?;
    let signer = PrivateKeySigner::random();
    let client = Client::connect(node.url(), Some(signer.clone()))?;
    let account = client.sender()?;
    node.fund(&client, account)?;
    let (max_norm_log2, max_loss_log2) = default_bounds(&profile);
    let config = PoolConfig {
        admin: account,
        srs_digest: srs.digest(),
        reward: U256::from(REWARD),
        max_norm_log2,
        max_loss_log2,
        round_budget: U96::from(10 * REWARD),
        claim_blocks: U40::from(CLAIM_BLOCKS),
        finalize_blocks: U40::from(200),
        window_blocks: U40::from(20),
        beacon_delay: U40::from(BEACON_DELAY),
        share_blocks: U40::from(60),
        reveal_blocks: U40::from(40),
        dispute_blocks: U40::from(60),
        bond: U256::from(1),
    };
    let blueprint = Blueprint {
        profile_id,
        srs: SrsName { k: srs.k(), digest: srs.digest(), origin: srs.origin() },
        verifiers: generated.verifiers(),
        artifacts: &artifacts,
        config: &config,
        attestors: &[account],
    };
    let pool = deploy(&client, &blueprint, |_| {})?;
    let view = PoolClient::new(&client, &pool, profile_id, srs.digest())?;
    let site = Site { home: &home, profile: &profile, srs: &srs, pool: &view, memory_limit: None };

    println!("a dataset: committed to, kept, attested, registered");
    // Three records of six features, in 0..16, and their classes.
    let features = vec![1, 2, 3, 4, 5, 6, 15, 0, 15, 0, 15, 0, 9, 9, 9, 0, 0, 0];
    let shard = Shard { features, labels: vec![0, 2, 1] };
    let seed = Seed::random();
    let commitment = commit_shard(&srs, &Grid::new(&profile)?, &shard, &blinding(&seed, &profile.id(), 0))?;
    let manifest = DatasetManifest::new(&profile, srs.digest(), vec![commitment])?;
    let dataset = Dataset { manifest, shards: vec![shard], seed };
    home.save_dataset(&home.lock()?, "mine", &profile, &dataset)?;
    let manifest = &dataset.manifest;
    // An attestor looks at the records before it signs this; see `attest::Attestor`.
    let statement = Attestation {
        owner: account,
        subject: keccak256("a source of records"),
        profileId: profile_id,
        srsDigest: srs.digest(),
        datasetRoot: manifest.root,
        shardCount: manifest.shard_count(),
        recordCount: manifest.record_count,
        epoch: 1,
    };
    let audience = Audience { chain_id: client.chain_id(), registry: pool.address(REGISTRY)?, owner: account };
    site.register(manifest, &sign(statement, &audience, &signer)?, Mode::Send)?;

    println!("round 1: opened with the public start model of a seed, sealed after its beacon");
    let seed = keccak256("a public seed");
    let first = site.prove_first_model(seed, &mut |_| {})?;
    view.open_genesis(seed, first.proof, Mode::Send)?;
    node.mine(&client, BEACON_DELAY + 1)?;
    view.seal(1, Mode::Send)?;

    println!("a plain claim: the drawn shard is trained on, proven, claimed; its opening is handed over");
    let exchange = Source::Folder(Folder::create(&folder.path().join("exchange"), Limits::of(&profile))?);
    let masked = false;
    let prepared = site.prepare_claim(&dataset, &first.model, 1, masked, &mut |_| {})?;
    let claimed = site.claim(&prepared, Mode::Send)?;
    println!("  shard {}, {} bytes of proof, {} gas", prepared.index, prepared.claim.proof.len(), claimed.gas());
    site.hand_over(1, &prepared.record, &exchange)?;

    println!("the end: the next model is proven from the openings, acknowledged, and finalized");
    node.mine(&client, CLAIM_BLOCKS)?;
    let next = site.prepare_finalization(&first.model, 1, &exchange, &mut |_| {})?;
    let model_id = next.finalized.model_id;
    site.fetch_model(model_id, &exchange)?;
    let said = Acknowledgement::sign(site.forum()?, 1, model_id, &signer)?;
    exchange.publish(&said.item(), &said.to_json())?;
    let finalized = site.finalize(&next, site.acknowledgements(&next, &exchange)?, Mode::Send)?;
    let event = finalized.receipt().and_then(|receipt| receipt.event::<ContributionRounds::RoundSettled>());
    // A finalization of all claims settles its round at once; one of fewer waits for a better one, then `PoolClient::settle` pays.
    let paid = event.ok_or("the round is not settled")?.paid;
    println!(
        "  {} tokens paid; round {} is about model {}",
        whole_tokens(paid),
        view.current_round()?,
        view.round(2)?.modelId
    );
    match view.round(2)?.modelId == model_id {
        true => Ok(()),
        false => Err("the next round is about another model".into()),
    }
}
