//! The whole path on a local chain: private records of several people become a model that they trained round by round, and
//! rewards that were minted for it.
//!
//! # Who does what
//! | who | where | does |
//! |---|---|---|
//! | node | a process of its own, ended with the demo | one EVM chain, id 31337 |
//! | operator | this process, own home | deploys, proves the first model, opens round 1, seals beacons |
//! | attestor | a process, own folder | recomputes the commitments, signs |
//! | contributor | a process for each step, own home | commits, registers, validates, proves, claims, masks, acknowledges |
//! | finalizer | a process for each round, own home | adds the claims' updates up, proves the next model, finalizes |
//!
//! Openings or shares, models and acknowledgements pass through one folder. From three contributors on claims are masked: they form a
//! group (larger rounds several), and the finalizer sees the sum of its updates only. With fewer, or on request, claims are plain:
//! then whoever reads an opening can compute the shard from it, and here the finalizer can.
//!
//! The processes are this program with the commands that a user would type, so the demo shows nothing that they cannot do.
//!
//! # Order
//! The data are registered before the block in which the model is set, and the beacon that draws a shard comes after both:
//! nobody could have made data up for the model, or chosen the shard.
//!
//! # Errors
//! [`DemoError`]. Whatever happens, the node is ended and the contributors' folders are removed (unless kept on request).

use std::path::{Path, PathBuf};
use std::time::Instant;

use alloy::primitives::aliases::{U40, U96};
use alloy::primitives::{keccak256, Address, B256, U256};
use alloy::signers::local::PrivateKeySigner;
use zkpoc_circuits::profile::Profile;
use zkpoc_contracts::compile::Artifacts;
use zkpoc_contracts::deploy::PoolConfig;

use zkpoc_circuits::ErrorKind;
use zkpoc_client::aggregation::MIN_GROUP;
use zkpoc_client::chain::deploy::{deploy, Blueprint};
use zkpoc_client::chain::deployment::SrsName;
use zkpoc_client::chain::{ChainError, Client, Deployment, Mode, Pool, PoolClient};
use zkpoc_client::contracts_gen::{generate_sources, ContractsError, ProfileKeys};
use zkpoc_client::contribute::{ContributeError, Site};
use zkpoc_client::exchange::{Folder, Limits, Source};
use zkpoc_client::home::Home;
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::{FsError, Overwrite};
use zkpoc_prover::keys::{KeyCache, KeyError};
use zkpoc_prover::srs::{Origin, Srs, SrsError, BUNDLED_K};

pub mod chart;
pub mod child;
pub mod data;
pub mod ledger;
pub mod memory;
pub mod report;
pub mod rounds;
pub mod show;
pub mod vana;

pub use report::Report;
pub use show::Show;

use child::{Contributor, Shared};
use zkpoc_client::chain::node::{Node, NodeError, CHAIN_ID};

/// The public seed of the first model.
pub const MODEL_SEED: &str = "zkpoc demo model";
/// Reward of a claim, in whole tokens.
const REWARD: u64 = 10;
/// Blocks from a round's opening to its beacon.
const BEACON_DELAY: u64 = 3;
/// Blocks in which a round takes claims: more than the transactions of the most contributors.
const CLAIM_BLOCKS: u64 = 200;
/// Blocks for a first finalization.
const FINALIZE_BLOCKS: u64 = 300;
/// Blocks in which members of a group post.
const SHARE_BLOCKS: u64 = 100;
/// Blocks after that in which they reveal seeds.
const REVEAL_BLOCKS: u64 = 60;
/// Blocks after that in which faults cost the bond.
const DISPUTE_BLOCKS: u64 = 40;
/// What a member of a group pays when it posts, in whole units of the chain's currency.
const BOND: u64 = 1;
/// Blocks of the window for one with more claims.
const WINDOW_BLOCKS: u64 = 20;

/// A demo that did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Too few contributors would be left.
    #[error("{contributors} contributors, of which {dropped} are lost: at least {MIN_GROUP} must be left for a masked round")]
    Dropped {
        /// Contributors asked for.
        contributors: usize,
        /// Contributors to be lost.
        dropped: usize,
    },
    /// Too many contributors for the profile.
    #[error("{contributors} contributors, but a round of profile {profile} has {most} claims at most")]
    Claims {
        /// Contributors asked for.
        contributors: usize,
        /// The profile.
        profile: String,
        /// Its most claims.
        most: u64,
    },
    /// Too many contributors for the data at hand.
    #[error("{contributors} contributors need {needed} different records, the data have {available}")]
    Data {
        /// Contributors asked for.
        contributors: usize,
        /// Records needed.
        needed: usize,
        /// Records there.
        available: usize,
    },
    /// The records could not be had.
    #[error(transparent)]
    Records(#[from] zkpoc_client::data::DataError),
    /// A tool could not be had.
    #[error(transparent)]
    Tools(#[from] zkpoc_contracts::tools::ToolsError),
    /// The node did not start.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A step of a contributor or the attestor failed.
    #[error("{who}: `zkpoc {command}` ended with {status}:\n{output}")]
    Child {
        /// Who.
        who: String,
        /// The command.
        command: String,
        /// Its exit status.
        status: String,
        /// What it said.
        output: String,
        /// Its exit code.
        code: i32,
    },
    /// A step did not answer as agreed.
    #[error("{who}: the answer of `zkpoc {command}` lacks {field}")]
    Answer {
        /// Who.
        who: String,
        /// The command.
        command: String,
        /// What is missing.
        field: &'static str,
    },
    /// The demo was interrupted.
    #[error("interrupted")]
    Interrupted,
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The SRS.
    #[error(transparent)]
    Srs(#[from] SrsError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The contracts.
    #[error(transparent)]
    Contracts(#[from] ContractsError),
    /// The model.
    #[error(transparent)]
    Contribute(#[from] ContributeError),
    /// Vana's pools.
    #[error(transparent)]
    Vana(#[from] zkpoc_client::vana::VanaError),
    /// A file.
    #[error(transparent)]
    File(#[from] FsError),
    /// This program's own path is not known.
    #[error("cannot find this program's own file: {0}")]
    Program(std::io::Error),
}

impl DemoError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Child { code: 1, .. } => ErrorKind::Refused,
            Self::Child { code: 2, .. } => ErrorKind::Input,
            Self::Tools(_)
            | Self::Node(_)
            | Self::Child { .. }
            | Self::Interrupted
            | Self::Answer { .. }
            | Self::Program(_) => ErrorKind::Environment,
            Self::Chain(error) => error.kind(),
            Self::Contracts(error) => error.kind(),
            Self::Contribute(error) => error.kind(),
            Self::Vana(error) => error.kind(),
            Self::Records(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::Srs(error) => error.kind(),
            Self::Key(error) => error.kind(),
            Self::Claims { .. } | Self::Dropped { .. } | Self::Data { .. } => ErrorKind::Input,
        }
    }
}

/// What to show.
#[derive(Clone, Debug)]
pub struct Options {
    /// The profile.
    pub profile: Profile,
    /// What the steps are told of it: its name, or its TOML file.
    pub profile_argument: String,
    /// Number of contributors.
    pub contributors: usize,
    /// Number of rounds.
    pub rounds: u64,
    /// Shards of a contributor.
    pub shards: usize,
    /// Claims are plain even if there are enough contributors for a group.
    pub plain: bool,
    /// Contributors that are lost in the first round, after the groups are fixed.
    pub dropped: usize,
    /// Where the report for a browser goes.
    pub report: Option<PathBuf>,
    /// Where the ledgers of gas go.
    pub ledger: Option<PathBuf>,
    /// Folder for what is kept between runs: SRS, keys.
    pub folder: PathBuf,
    /// Folder with the four MNIST files, if not those of the pinned package.
    pub data: Option<PathBuf>,
    /// Have Vana's pools pay the first contributor as well.
    pub vana: bool,
    /// Keep the contributors' folders, the contracts and the deployment file.
    pub keep: bool,
    /// The `zkpoc` program to run the steps with.
    pub program: PathBuf,
    /// Threads of a step; `None` for all.
    pub threads: Option<usize>,
    /// Bytes that a proof may take; `None` for no limit.
    pub memory_limit: Option<u64>,
}

impl Options {
    /// Whether claims are masked.
    pub fn masked(&self) -> bool {
        !self.plain && self.contributors >= MIN_GROUP
    }
}

/// Runs the demo.
pub fn run(options: &Options, show: &mut Show) -> Result<Report, DemoError> {
    let start = Instant::now();
    let profile = options.profile.clone();
    if options.contributors as u64 > profile.max_claims {
        let (contributors, most) = (options.contributors, profile.max_claims);
        return Err(DemoError::Claims { contributors, profile: profile.name, most });
    }
    if options.dropped > 0 && (!options.masked() || options.contributors < MIN_GROUP + options.dropped) {
        return Err(DemoError::Dropped { contributors: options.contributors, dropped: options.dropped });
    }
    let memory = memory::Watch::start();
    fsio::create_secret_dir(&options.folder)?;
    let scratch = Scratch::new(&options.folder, options.keep)?;

    show.phase("tools: EVM node, compiler, data");
    let anvil = zkpoc_contracts::tools::anvil()?;
    let folder = options.data.as_deref();
    let sources = data::sources(&profile, folder, options.contributors, options.shards, scratch.path())?;
    let test = data::test_set(&profile, folder, options.contributors * options.shards * profile.shard_records())?;
    show.phase("start a local chain");
    let node = match options.ledger {
        Some(_) => Node::start_tracing(&anvil)?,
        None => Node::start(&anvil)?,
    };
    if !options.keep {
        node.remove_when_stopped(scratch.path());
    }
    let operator = PrivateKeySigner::random();
    let attestor = PrivateKeySigner::random();
    let client = Client::connect(node.url(), Some(operator.clone()))?;
    node.fund(&client, operator.address())?;

    let (srs, srs_file) = reference_string(&profile, &options.folder, show)?;
    show.phase("verifying keys");
    let keys_dir = options.folder.join("keys");
    fsio::create_secret_dir(&keys_dir)?;
    let keys = ProfileKeys::load(&KeyCache::new(&keys_dir), &profile, &srs)?;
    let stage = Stage { options, profile: &profile, srs: &srs, node: &node, client: &client, scratch: scratch.path() };
    let (pool, artifacts) = stage.deploy(&keys, attestor.address(), show)?;
    let deployments = scratch.path().join("deployments");
    let mut deployment = Deployment::new(CHAIN_ID);
    deployment.pools.insert(profile.name.clone(), pool.clone());
    deployment.save(&deployments)?;
    let operator_pool = PoolClient::new(&client, &pool, B256::new(profile.id()), srs.digest())?;

    let shared = Shared {
        program: options.program.clone(),
        rpc_url: node.url().to_owned(),
        profile: options.profile_argument.clone(),
        shards: options.shards,
        srs: srs_file,
        deployments,
        exchange: scratch.path().join("exchange"),
        attestor_folder: scratch.path().join("attestor"),
        attestor,
        threads: options.threads,
        memory_limit: options.memory_limit,
        registry: operator_pool.registry()?,
    };
    let mut contributors = Vec::new();
    for (index, source) in sources.into_iter().enumerate() {
        let contributor = Contributor::new(&shared, index + 1, scratch.path(), source)?;
        node.fund(&client, contributor.address())?;
        show.phase(&format!("{}: commit {} shards", contributor.name(), options.shards));
        let committed = contributor.commit()?;
        show.phase(&format!("{}: attestor recomputes and signs", contributor.name()));
        contributor.attest()?;
        show.phase(&format!("{}: register the dataset", contributor.name()));
        let registered = contributor.register()?;
        contributors.push((contributor, committed, registered));
    }
    let finalizer = Contributor::finalizer(&shared, scratch.path())?;
    node.fund(&client, finalizer.address())?;

    show.phase("prove the first model and open round 1: the model is set now");
    let home = Home::open(Some(&scratch.path().join("operator"))).map_err(ContributeError::from)?;
    let site =
        Site { home: &home, profile: &profile, srs: &srs, pool: &operator_pool, memory_limit: options.memory_limit };
    let first = site.prove_first_model(B256::new(model_seed()), &mut |_| {})?;
    let opened = operator_pool.open_genesis(B256::new(model_seed()), first.proof, Mode::Send)?;
    let exchange = Folder::create(&shared.exchange, Limits::of(&profile)).map_err(ContributeError::from)?;
    let exchange = Source::Folder(exchange);
    site.publish_model(&first.model, first.model_id, &exchange)?;

    let mut course = rounds::Course::new(&stage, &site, exchange, &contributors, &finalizer, &test, first.model)?;
    let mut rounds = Vec::new();
    for number in 1..=options.rounds {
        rounds.push(course.round(number, show)?);
    }
    let figures = course.finish(&mut rounds, show)?;
    let vana = match (options.vana, contributors.first()) {
        (true, Some((contributor, ..))) => Some(vana::play(&site, &artifacts, contributor, show)?),
        _ => None,
    };

    show.done();
    let peak = memory.stop();
    let report = Report::new(report::Facts {
        profile: &profile,
        srs: &srs,
        advice_columns: keys.training.vk().cs().num_advice_columns(),
        fixed_columns: keys.training.vk().cs().num_fixed_columns(),
        pool: &pool,
        contributions: figures,
        rounds,
        gas_genesis: opened.gas(),
        vana,
        test_records: test.len(),
        phases: show.finished(),
        demo_peak_rss_bytes: peak,
        total: start.elapsed(),
        kept: options.keep.then(|| scratch.path().to_path_buf()),
    })?;
    if let Some(file) = &options.report {
        fsio::write(file, chart::page(&report).as_bytes(), Overwrite::Replace)?;
    }
    if let Some(file) = &options.ledger {
        let ledgers = ledger::Ledgers::of(&profile.name, &operator_pool)?;
        // invariant: a struct of numbers and strings serialises.
        let json = serde_json::to_string_pretty(&ledgers).expect("ledgers");
        fsio::write(file, json.as_bytes(), Overwrite::Replace)?;
    }
    drop(node);
    Ok(report)
}

/// What every act of the demo plays on.
#[derive(Debug)]
struct Stage<'a> {
    options: &'a Options,
    profile: &'a Profile,
    srs: &'a Srs,
    node: &'a Node,
    client: &'a Client,
    scratch: &'a Path,
}

impl Stage<'_> {
    fn deploy(&self, keys: &ProfileKeys, attestor: Address, show: &mut Show) -> Result<(Pool, Artifacts), DemoError> {
        show.phase("contracts: generate and compile");
        let generated = generate_sources(self.profile, self.srs, keys)?;
        let artifacts = generated.compile()?;
        if self.options.keep {
            generated.write(&artifacts, &self.scratch.join("contracts"))?;
        }
        show.phase("deploy the pool");
        let (max_norm_log2, max_loss_log2) = zkpoc_client::chain::pool::default_bounds(self.profile);
        let config = PoolConfig {
            admin: self.client.sender()?,
            srs_digest: self.srs.digest(),
            reward: tokens(REWARD),
            max_norm_log2,
            max_loss_log2,
            round_budget: U96::from(REWARD) * U96::from(100) * U96::from(10).pow(U96::from(18)),
            claim_blocks: U40::from(CLAIM_BLOCKS),
            finalize_blocks: U40::from(FINALIZE_BLOCKS),
            window_blocks: U40::from(WINDOW_BLOCKS),
            beacon_delay: U40::from(BEACON_DELAY),
            share_blocks: U40::from(SHARE_BLOCKS),
            reveal_blocks: U40::from(REVEAL_BLOCKS),
            dispute_blocks: U40::from(DISPUTE_BLOCKS),
            bond: tokens(BOND),
        };
        let blueprint = Blueprint {
            profile_id: B256::new(self.profile.id()),
            srs: SrsName { k: self.srs.k(), digest: self.srs.digest(), origin: self.srs.origin() },
            verifiers: generated.verifiers(),
            artifacts: &artifacts,
            config: &config,
            attestors: &[attestor],
        };
        self.srs.check_chain(self.client.chain_id())?;
        let pool = deploy(self.client, &blueprint, |step| show.detail(step))?;
        Ok((pool, artifacts))
    }
}

/// Whole tokens in the token's smallest unit.
fn tokens(whole: u64) -> U256 {
    U256::from(whole) * U256::from(10).pow(U256::from(18))
}

/// The public seed of the demo's model.
pub fn model_seed() -> [u8; 32] {
    keccak256(MODEL_SEED).0
}

/// The commitment key: of the real ceremony where it is large enough, else a kept one made for development.
fn reference_string(profile: &Profile, folder: &Path, show: &mut Show) -> Result<(Srs, PathBuf), DemoError> {
    let srs_dir = folder.join("srs");
    fsio::create_secret_dir(&srs_dir)?;
    let ceremony = profile.k <= BUNDLED_K;
    let file = srs_dir.join(format!("{}-k{}.srs", if ceremony { "ceremony" } else { "dev" }, profile.k));
    show.phase(&format!("SRS of 2^{} rows", profile.k));
    if file.exists() {
        match Srs::load(&file) {
            Ok(srs) => {
                warn_insecure(&srs, show);
                return Ok((srs, file));
            }
            Err(error) => show.notice(&format!("the kept SRS cannot be used and is made anew: {error}")),
        }
    }
    let srs = match ceremony {
        true => Srs::bundled_ceremony(profile.k)?,
        false => Srs::dev_insecure(profile.k)?,
    };
    srs.save(&file, Overwrite::Replace)?;
    warn_insecure(&srs, show);
    Ok((srs, file))
}

fn warn_insecure(srs: &Srs, show: &mut Show) {
    if srs.origin() == Origin::DevInsecure {
        show.notice("INSECURE SRS: made on this machine, so its maker can forge every proof. For this demo only.");
    }
}

/// The folder of a run.
#[derive(Debug)]
struct Scratch {
    dir: Option<tempfile::TempDir>,
    path: PathBuf,
}

impl Scratch {
    fn new(folder: &Path, keep: bool) -> Result<Self, FsError> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("run-");
        let dir = builder.tempdir_in(folder).map_err(|source| FsError::Io {
            action: "create a folder in",
            path: folder.to_path_buf(),
            source,
        })?;
        Ok(match keep {
            true => Self { path: dir.keep(), dir: None },
            false => Self { path: dir.path().to_path_buf(), dir: Some(dir) },
        })
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(dir) = self.dir.take() {
            if let Err(error) = dir.close() {
                tracing::warn!(path = %self.path.display(), %error, "the demo's folder could not be removed");
            }
        }
    }
}
