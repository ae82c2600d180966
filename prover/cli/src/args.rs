//! What all commands that talk with a chain share: node, key, deployment file, and how a transaction is reported.

use std::path::{Path, PathBuf};

use alloy::primitives::B256;
use clap::Args;
use serde_json::{json, Value};
use zkpoc_circuits::profile::Profile;

use crate::error::Error;
use crate::session::{bytes32, model};
use crate::Session;
use zkpoc_circuits::reference::Model;
use zkpoc_client::chain::deployment::FOLDER;
use zkpoc_client::chain::{signer, ChainError, Client, Deployment, Mode, Outcome, Pool, PoolClient};
use zkpoc_client::contribute::{ContributeError, Site};
use zkpoc_client::exchange::item::Limits;
use zkpoc_client::exchange::source::Source;
use zkpoc_client::home::Home;
use zkpoc_prover::srs::Srs;

/// Node, key and deployment file.
#[derive(Debug, Args)]
pub struct ChainArgs {
    /// URL of the node.
    #[arg(long, env = "ZKPOC_RPC_URL", value_name = "URL", default_value = "http://127.0.0.1:8545")]
    pub rpc_url: String,
    /// Keystore file of the sender [default: the key in the environment variable ZKPOC_PRIVATE_KEY].
    #[arg(long, value_name = "FILE")]
    pub keystore: Option<PathBuf>,
    /// Folder of the deployment files.
    #[arg(long, env = "ZKPOC_DEPLOYMENTS", value_name = "DIR", default_value = FOLDER)]
    pub deployments: PathBuf,
}

/// Whether to send.
#[derive(Debug, Args)]
pub struct SendArgs {
    /// Call and estimate only; send nothing.
    #[arg(long)]
    pub dry_run: bool,
}

impl SendArgs {
    /// As a mode.
    pub fn mode(&self) -> Mode {
        match self.dry_run {
            true => Mode::DryRun,
            false => Mode::Send,
        }
    }
}

impl ChainArgs {
    /// Connects with the sender's key.
    pub fn sender(&self) -> Result<Client, ChainError> {
        Client::connect(&self.rpc_url, Some(signer::require(self.keystore.as_deref())?))
    }

    /// Connects to look; with the sender's key if there is one.
    pub fn viewer(&self) -> Result<Client, ChainError> {
        Client::connect(&self.rpc_url, signer::load(self.keystore.as_deref())?)
    }

    /// Opens everything for a step that sends: the sender's key must be there.
    pub fn open(&self, session: &Session, profile: Profile, srs: Option<&Path>) -> Result<Opened, Error> {
        Opened::new(session, profile, srs, |profile| {
            let client = self.sender()?;
            let pool = self.pool(&client, profile)?;
            Ok((client, pool))
        })
    }

    /// Opens everything for a look; with the sender's key if there is one.
    pub fn open_to_look(&self, session: &Session, profile: Profile, srs: Option<&Path>) -> Result<Opened, Error> {
        Opened::new(session, profile, srs, |profile| {
            let client = self.viewer()?;
            let pool = self.pool(&client, profile)?;
            Ok((client, pool))
        })
    }

    /// The pool of a profile on the node's chain.
    pub fn pool(&self, client: &Client, profile: &Profile) -> Result<Pool, ChainError> {
        let deployment = Deployment::load(&self.deployments, client.chain_id())?;
        deployment.pool(&self.deployments, &profile.name).cloned()
    }
}

/// What a step on a pool works with: home, profile, SRS, node and pool, opened at once.
#[derive(Debug)]
pub struct Opened {
    /// The home.
    pub home: Home,
    /// The profile.
    pub profile: Profile,
    /// The SRS of its size.
    pub srs: Srs,
    /// The node.
    pub client: Client,
    /// The profile's pool on the node's chain.
    pub pool: Pool,
    memory_limit: Option<u64>,
}

impl Opened {
    fn new(
        session: &Session,
        profile: Profile,
        srs: Option<&Path>,
        connect: impl FnOnce(&Profile) -> Result<(Client, Pool), ChainError>,
    ) -> Result<Self, Error> {
        let (home, srs) = (session.home()?, session.srs(srs, profile.k)?);
        let (client, pool) = connect(&profile)?;
        Ok(Self { home, profile, srs, client, pool, memory_limit: session.global().memory_limit })
    }

    /// The pool, checked against the profile and the SRS.
    pub fn view(&self) -> Result<PoolClient<'_>, ChainError> {
        PoolClient::new(&self.client, &self.pool, B256::new(self.profile.id()), self.srs.digest())
    }

    /// What the steps of a contribution need, within the memory that this run may take; `view` is that of [`Self::view`].
    pub fn site<'a>(&'a self, view: &'a PoolClient<'a>) -> Site<'a> {
        let Self { home, profile, srs, memory_limit, .. } = self;
        Site { home, profile, srs, pool: view, memory_limit: *memory_limit }
    }
}

/// A transaction for people, in one line.
pub fn outcome_text(outcome: &Outcome) -> String {
    match outcome {
        Outcome::DryRun(gas) => format!("dry run: it would succeed, for about {gas} gas; nothing was sent"),
        Outcome::Mined(receipt) => {
            format!("transaction {} in block {}, {} gas", receipt.transaction, receipt.block, receipt.gas_used)
        }
    }
}

/// A transaction for machines; `more` is added to it.
pub fn outcome_json(outcome: &Outcome, more: Value) -> Value {
    let mut value = match outcome {
        Outcome::DryRun(gas) => json!({ "dry_run": true, "gas_estimate": gas }),
        Outcome::Mined(receipt) => json!({
            "dry_run": false, "transaction": receipt.transaction, "block": receipt.block, "gas_used": receipt.gas_used,
        }),
    };
    if let (Some(value), Value::Object(more)) = (value.as_object_mut(), more) {
        value.extend(more);
    }
    value
}

/// Refuses to write over a file by accident.
pub fn refuse_existing(path: &Path) -> Result<(), Error> {
    match path.exists() {
        true => Err(zkpoc_prover::fsio::FsError::Exists { path: path.to_path_buf() }.into()),
        false => Ok(()),
    }
}

/// The round's model: a file, the public start of a seed, or the one published at the exchange under its id.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct ModelArgs {
    /// The model, as safetensors [default: the one that is published at the exchange].
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// The public start model of a seed [default: the model that is published at the exchange].
    #[arg(long, value_name = "HEX", value_parser = bytes32)]
    model_seed: Option<[u8; 32]>,
    /// Where models are published, if that is not the exchange.
    #[arg(long, hide = true, value_name = "DIR|URL")]
    models: Option<String>,
}

impl ModelArgs {
    /// The model; `id` is the one to get from the exchange.
    pub fn load(&self, site: &Site<'_>, id: B256, exchange: Option<&Source>) -> Result<Model, Error> {
        match (&self.model, self.model_seed, &self.models, exchange) {
            (Some(path), ..) => model(site.profile, path),
            (None, Some(seed), ..) => Ok(Model::random(site.profile, seed)),
            (None, None, Some(text), _) => Ok(site.fetch_model(id, &source(site.profile, text)?)?),
            (None, None, None, Some(exchange)) => Ok(site.fetch_model(id, exchange)?),
            (None, None, None, None) => Err(Error::Usage("expected --exchange, --model or --model-seed".into())),
        }
    }
}

/// An exchange: where shares, openings, models, acknowledgements and complaints are kept.
pub fn source(profile: &Profile, text: &str) -> Result<Source, Error> {
    Ok(Source::open(text, Limits::of(profile))?)
}

/// Number of a round: the given one, or the current one.
pub fn round_number(view: &PoolClient<'_>, given: Option<u64>) -> Result<u64, Error> {
    let number = match given {
        Some(number) => number,
        None => view.current_round()?,
    };
    match number {
        0 => Err(ContributeError::NoRound.into()),
        number => Ok(number),
    }
}
