//! The whole path on a local chain: private records become a minted reward.
//!
//! # Who does what
//! | who | where | does |
//! |---|---|---|
//! | node | a process of its own, ended with the demo | one EVM chain, id 31337 |
//! | operator | this process | deploys, opens the round, seals its beacon |
//! | attestor | a process, own folder | recomputes the commitments, signs |
//! | contributor | a process for each step, own home | commits, registers, validates, proves, claims |
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
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::Model;
use zkpoc_circuits::training::TrainingCircuit;
use zkpoc_contracts::deploy::PoolConfig;

use crate::chain::deploy::{deploy, Blueprint};
use crate::chain::deployment::SrsName;
use crate::chain::pool::whole_tokens;
use crate::chain::{ChainError, Client, Deployment, Mode, PoolClient};
use crate::contracts_gen::{generate_sources, ContractsError};
use crate::contribute::{model_id, ContributeError};
use crate::fsio::{self, FsError, Overwrite};
use crate::keys::{KeyCache, KeyError};
use crate::srs::{Origin, Srs, SrsError, BUNDLED_K};

pub mod child;
pub mod data;
pub mod memory;
pub mod node;
pub mod report;
pub mod show;

pub use report::Report;
pub use show::Show;

use child::{Contributor, Shared};
use node::{Node, CHAIN_ID};

/// Shards of a contributor.
pub const SHARDS: usize = 8;
/// The public seed of the first model.
pub const MODEL_SEED: &str = "zkpoc demo model";
/// Reward of a claim, in whole tokens.
const REWARD: u64 = 10;
/// Blocks from a round's opening to its beacon.
const BEACON_DELAY: u64 = 3;
/// Blocks that a round lasts at least.
const MIN_LENGTH: u64 = 20;

/// A demo that did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// No such profile.
    #[error("there is no profile {name:?}; the demo knows {known}")]
    Profile {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: String,
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
    Records(#[from] crate::data::DataError),
    /// A tool could not be had.
    #[error(transparent)]
    Tools(#[from] zkpoc_contracts::tools::ToolsError),
    /// The node did not start.
    #[error("the EVM node {program} did not start: {reason}", program = program.display())]
    Node {
        /// The program.
        program: PathBuf,
        /// What it said.
        reason: String,
    },
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
    /// A file.
    #[error(transparent)]
    File(#[from] FsError),
    /// This program's own path is not known.
    #[error("cannot find this program's own file: {0}")]
    Program(std::io::Error),
}

/// What to show.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name of the profile.
    pub profile: String,
    /// Number of contributors.
    pub contributors: usize,
    /// Folder for what is kept between runs: SRS, keys.
    pub folder: PathBuf,
    /// Folder with the four MNIST files, if not those of the pinned package.
    pub data: Option<PathBuf>,
    /// Keep the contributors' folders, the contracts and the deployment file.
    pub keep: bool,
    /// The `zkpoc` program to run the steps with.
    pub program: PathBuf,
    /// Threads of a step; `None` for all.
    pub threads: Option<usize>,
}

/// Runs the demo.
pub fn run(options: &Options, show: &mut Show) -> Result<Report, DemoError> {
    let start = Instant::now();
    let profile = Profile::builtin(&options.profile).ok_or_else(|| DemoError::Profile {
        name: options.profile.clone(),
        known: Profile::builtin_names().join(", "),
    })?;
    let memory = memory::Watch::start();
    fsio::create_secret_dir(&options.folder)?;
    let scratch = Scratch::new(&options.folder, options.keep)?;

    show.phase("tools: EVM node, compiler, data");
    let anvil = zkpoc_contracts::tools::anvil()?;
    let sources = data::sources(&profile, options.data.as_deref(), options.contributors, scratch.path())?;
    show.phase("start a local chain");
    let node = Node::start(&anvil)?;
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
    let keys = KeyCache::new(&keys_dir);
    let (training, _) = keys.verifier::<TrainingCircuit>(&profile, &srs)?;
    let (dataset, _) = keys.verifier::<DatasetCircuit>(&profile, &srs)?;
    show.phase("contracts: generate and compile");
    let generated = generate_sources(&profile, srs.params(), training.vk(), dataset.vk())?;
    let artifacts = generated.compile()?;
    if options.keep {
        generated.write(&artifacts, &scratch.path().join("contracts"))?;
    }

    show.phase("deploy the pool");
    let profile_id = B256::new(profile.id());
    let (max_norm_log2, max_loss_log2) = crate::chain::pool::default_bounds(&profile);
    let config = PoolConfig {
        admin: operator.address(),
        srs_digest: srs.digest(),
        reward: U256::from(REWARD) * U256::from(10).pow(U256::from(18)),
        max_norm_log2,
        max_loss_log2,
        round_budget: U96::from(REWARD) * U96::from(100) * U96::from(10).pow(U96::from(18)),
        min_length: U40::from(MIN_LENGTH),
        beacon_delay: U40::from(BEACON_DELAY),
    };
    let blueprint = Blueprint {
        profile_id,
        srs: SrsName { k: srs.k(), digest: srs.digest(), origin: srs.origin() },
        verifiers: generated.verifiers(),
        artifacts: &artifacts,
        config: &config,
        attestors: &[attestor.address()],
    };
    srs.check_chain(client.chain_id())?;
    let pool = deploy(&client, &blueprint, |step| show.detail(step))?;
    let deployments = scratch.path().join("deployments");
    let mut deployment = Deployment::new(CHAIN_ID);
    deployment.pools.insert(profile.name.clone(), pool.clone());
    deployment.save(&deployments)?;
    let operator_pool = PoolClient::new(&client, &pool, profile_id, srs.digest())?;

    let shared = Shared {
        program: options.program.clone(),
        rpc_url: node.url().to_owned(),
        profile: profile.name.clone(),
        srs: srs_file,
        deployments,
        attestor_folder: scratch.path().join("attestor"),
        attestor,
        threads: options.threads,
        registry: operator_pool.registry()?,
    };
    let mut contributors = Vec::new();
    for (index, source) in sources.into_iter().enumerate() {
        let contributor = Contributor::new(&shared, index + 1, scratch.path(), source)?;
        node.fund(&client, contributor.address())?;
        show.phase(&format!("{}: commit {SHARDS} shards", contributor.name()));
        let committed = contributor.commit()?;
        show.phase(&format!("{}: attestor recomputes and signs", contributor.name()));
        contributor.attest()?;
        show.phase(&format!("{}: register the dataset", contributor.name()));
        let registered = contributor.register()?;
        contributors.push((contributor, committed, registered));
    }

    show.phase("open the round: the model is set now");
    let seed = model_seed();
    let model = Model::random(&profile, seed);
    let id = model_id(&srs, &profile, &model)?;
    operator_pool.open_genesis(id, Mode::Send)?;
    show.phase("wait for the beacon and seal it");
    node.mine(&client, BEACON_DELAY + 1)?;
    operator_pool.seal(1, Mode::Send)?;

    let mut figures = Vec::new();
    for (contributor, committed, registered) in &contributors {
        let index = operator_pool.drawn_index(1, committed.root)?;
        show.phase(&format!("{}: prove shard {index}, which the beacon drew, well-formed", contributor.name()));
        let validated = contributor.validate(index)?;
        show.phase(&format!("{}: train, prove, claim", contributor.name()));
        let claimed = contributor.claim(1, &B256::new(seed))?;
        figures.push(report::Contribution::new(contributor, index, committed, registered, &validated, &claimed)?);
    }

    let minted = balances(&operator_pool, &contributors)?;
    show.done();
    let peak = memory.stop();
    let report = Report::new(report::Facts {
        profile: &profile,
        srs: &srs,
        advice_columns: training.vk().cs().num_advice_columns(),
        fixed_columns: training.vk().cs().num_fixed_columns(),
        pool: &pool,
        contributions: figures,
        balances: minted,
        demo_peak_rss_bytes: peak,
        total: start.elapsed(),
        kept: options.keep.then(|| scratch.path().to_path_buf()),
    })?;
    drop(node);
    Ok(report)
}

/// The public seed of the demo's model.
pub fn model_seed() -> [u8; 32] {
    keccak256(MODEL_SEED).0
}

/// What each contributor holds in the end, in whole tokens.
fn balances(
    pool: &PoolClient<'_>,
    contributors: &[(Contributor<'_>, child::Committed, child::Sent)],
) -> Result<Vec<(Address, String)>, DemoError> {
    contributors
        .iter()
        .map(|(contributor, ..)| {
            let account = contributor.address();
            Ok((account, whole_tokens(pool.balance(account)?)))
        })
        .collect()
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
