//! `zkpoc vana`: adapters for Vana's pools, files that are paid on a proof, and their reports.

use std::path::PathBuf;

use alloy::primitives::{Address, B256, U256};
use clap::{Args, Subcommand};
use serde_json::{json, Value};
use zkpoc_circuits::reference::Model;

use crate::args::{refuse_existing, ChainArgs};
use crate::commands::contracts::{build, tokens};
use crate::error::Error;
use crate::session::load;
use crate::session::{bytes32, model};
use crate::{Answer, Session};
use zkpoc_client::chain::pool::{default_bounds, whole_tokens};
use zkpoc_client::chain::{Mode, Outcome};
use zkpoc_client::vana::claim::{file_with_url, prove_file, request_reward, Target};
use zkpoc_client::vana::deploy::{keyless_attestor, proof_pool, set_model, AdapterTerms, PoolTerms};
use zkpoc_client::vana::report::{fraction, report};
use zkpoc_client::vana::Adapter;
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::Overwrite;
use zkpoc_prover::measure::milliseconds;

/// What to do with a pool of Vana's.
#[derive(Debug, Subcommand)]
pub enum VanaCommand {
    /// Deploy a pool that pays on proofs, or a keyless attestor for an existing pool, and set its model (operator).
    Deploy(Box<DeployArgs>),
    /// Prove that a file stands for a shard, and have it paid.
    Claim(Box<ClaimArgs>),
    /// Write a proven file's proof of contribution in the fields of Vana's proof template.
    Report(ReportArgs),
}

/// Arguments of `vana deploy`.
#[derive(Debug, Args)]
pub struct DeployArgs {
    /// The profile; its pool is deployed already.
    profile: String,
    /// Vana's data registry.
    #[arg(long, value_name = "ADDRESS")]
    files: Address,
    /// Seed of the public start model that contributions are proven on.
    #[arg(long, value_name = "HEX", value_parser = bytes32)]
    model_seed: [u8; 32],
    /// Deploy a keyless attestor for this pool of Vana's template.
    #[arg(long, value_name = "ADDRESS", requires = "dlp_id", conflicts_with_all = ["token", "name", "instruction", "factor"])]
    keyless_for: Option<Address>,
    /// Number of that pool.
    #[arg(long, value_name = "N")]
    dlp_id: Option<u64>,
    /// Token that contributors are paid in.
    #[arg(long, value_name = "ADDRESS", required_unless_present = "keyless_for")]
    token: Option<Address>,
    /// The pool's name.
    #[arg(long, default_value = "zkpoc")]
    name: String,
    /// Key that contributors encrypt their files for.
    #[arg(long, value_name = "KEY", default_value = "")]
    public_key: String,
    /// What its proofs name as their instruction.
    #[arg(long, value_name = "TEXT", default_value = "zkpoc")]
    instruction: String,
    /// What a score of 1 earns, in whole tokens.
    #[arg(long, value_name = "TOKENS", default_value = "10", value_parser = tokens)]
    factor: U256,
    /// log2 of the widest bound on the squared norm that is accepted [default: the profile's largest].
    #[arg(long, value_name = "LOG2")]
    max_norm_log2: Option<u8>,
    /// log2 of the widest bound on the loss that is accepted [default: the profile's largest].
    #[arg(long, value_name = "LOG2")]
    max_loss_log2: Option<u8>,
    /// Reference string [default: the one in the home].
    #[arg(long, value_name = "FILE")]
    srs: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
}

/// Arguments of `vana claim`.
#[derive(Debug, Args)]
pub struct ClaimArgs {
    /// Name of the dataset in the home; it is registered.
    name: String,
    /// The profile, if it is one of your own: its TOML file.
    #[arg(long)]
    profile: Option<String>,
    /// The pool that pays on proofs, or the keyless attestor.
    #[arg(long, value_name = "ADDRESS")]
    adapter: Address,
    /// Your file in Vana's registry.
    #[arg(long, value_name = "ID", required_unless_present = "url", conflicts_with = "url")]
    file: Option<u64>,
    /// Url of your file; it is added to Vana's registry if it is not there.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The shard that the file stands for.
    #[arg(long, value_name = "INDEX")]
    index: u64,
    /// Seed of the adapter's model.
    #[arg(long, value_name = "HEX", value_parser = bytes32, required_unless_present = "model", conflicts_with = "model")]
    model_seed: Option<[u8; 32]>,
    /// The adapter's model, as safetensors.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Prove only, and do not ask for the reward.
    #[arg(long)]
    no_request: bool,
    /// Reference string [default: the one in the home].
    #[arg(long, value_name = "FILE")]
    srs: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
}

/// Arguments of `vana report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The profile.
    profile: String,
    /// The pool that pays on proofs, or the keyless attestor.
    #[arg(long, value_name = "ADDRESS")]
    adapter: Address,
    /// The file.
    #[arg(long, value_name = "ID")]
    file: u64,
    /// Write the document there.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Reference string [default: the one in the home].
    #[arg(long, value_name = "FILE")]
    srs: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
}

impl VanaCommand {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        match self {
            Self::Deploy(args) => args.run(session),
            Self::Claim(args) => args.run(session),
            Self::Report(args) => args.run(session),
        }
    }
}

impl DeployArgs {
    fn run(&self, session: &Session) -> Result<Answer, Error> {
        let profile = session.profile(&self.profile)?;
        let opened = self.chain.open(session, profile, self.srs.as_deref())?;
        let (profile, view) = (&opened.profile, opened.view()?);
        let (_, artifacts) = build(session, profile, &opened.srs)?;
        let (norm, loss) = default_bounds(profile);
        let terms = AdapterTerms {
            files: self.files,
            max_norm_log2: self.max_norm_log2.unwrap_or(norm),
            max_loss_log2: self.max_loss_log2.unwrap_or(loss),
        };
        let mut phases = session.phases();
        phases.start("deploying the adapter");
        let id = B256::new(profile.id());
        let (kind, deployed) = match (self.keyless_for, self.token) {
            (Some(pool), _) => {
                let dlp_id = U256::from(self.dlp_id.unwrap_or(0));
                ("keyless attestor", keyless_attestor(&view, &artifacts, id, &terms, pool, dlp_id)?)
            }
            (None, Some(token)) => {
                let pool = PoolTerms {
                    token,
                    name: self.name.clone(),
                    public_key: self.public_key.clone(),
                    instruction: self.instruction.clone(),
                    factor: self.factor,
                };
                ("pool", proof_pool(&view, &artifacts, id, &terms, &pool)?)
            }
            (None, None) => return Err(Error::Usage("expected --token or --keyless-for".into())),
        };
        let site = opened.site(&view);
        let seed = B256::new(self.model_seed);
        let (gas, time) = set_model(&site, deployed.address, seed, &mut |phase| phases.start(phase))?;
        let text = format!(
            "{kind} {}, {} gas; its model of seed {seed} is set, {gas} gas{}",
            deployed.address,
            deployed.gas_used,
            match self.keyless_for {
                Some(pool) => format!("\nnow the admin of pool {pool} calls updateTeePool({})", deployed.address),
                None => String::new(),
            }
        );
        let json = json!({
            "adapter": deployed.address, "kind": kind, "gas_deploy": deployed.gas_used, "gas_set_model": gas,
            "prove_ms": milliseconds(time), "max_norm_log2": terms.max_norm_log2, "max_loss_log2": terms.max_loss_log2,
        });
        Ok(Answer::new(text, json))
    }
}

fn gas(outcome: Option<&Outcome>) -> Value {
    outcome.and_then(Outcome::receipt).map_or(Value::Null, |receipt| receipt.gas_used.into())
}

impl ClaimArgs {
    fn run(&self, session: &Session) -> Result<Answer, Error> {
        let (profile, dataset) = load(session, &self.name, self.profile.as_deref())?;
        let model = match (&self.model, self.model_seed) {
            (Some(path), _) => model(&profile, path)?,
            (None, Some(seed)) => Model::random(&profile, seed),
            (None, None) => return Err(Error::Usage("expected --model-seed or --model".into())),
        };
        let mut phases = session.phases();
        let opened = self.chain.open(session, profile, self.srs.as_deref())?;
        let (profile, view) = (&opened.profile, opened.view()?);
        let adapter = Adapter::open(&view, self.adapter, B256::new(profile.id()))?;
        let (file, added) = match (&self.url, self.file) {
            (Some(url), _) => {
                phases.start("the file in Vana's registry");
                file_with_url(&adapter, url)?
            }
            (None, file) => (U256::from(file.unwrap_or(0)), None),
        };
        let site = opened.site(&view);
        let target = Target { file, dataset: &dataset, index: self.index, model: &model };
        let proven = prove_file(&site, &adapter, &target, Mode::Send, &mut |phase| phases.start(phase))?;
        let paid = match self.no_request {
            true => None,
            false => {
                phases.start("requesting the reward");
                Some(request_reward(&adapter, file, proven.nullifier)?)
            }
        };
        drop(phases);
        let score = paid.as_ref().map(|paid| fraction(paid.score));
        let text = match &paid {
            Some(paid) => format!("file {file}: score {}, {} tokens", fraction(paid.score), whole_tokens(paid.amount)),
            None => format!("file {file} is proven; anyone may ask the pool {} for its reward", adapter.pool()),
        };
        let json = json!({
            "file": u64::try_from(file).unwrap_or(u64::MAX), "index": self.index, "nullifier": proven.nullifier,
            "adapter": adapter.address(), "pool": adapter.pool(), "adapter_kind": adapter.kind().contract(),
            "gas_add_file": gas(added.as_ref()), "gas_prove_file": gas(proven.outcome.as_ref()),
            "gas_request_reward": gas(paid.as_ref().and_then(|paid| paid.outcome.as_ref())),
            "proof_index": paid.as_ref().map(|paid| paid.proof_index), "score": score,
            "paid": paid.as_ref().map(|paid| whole_tokens(paid.amount)), "proof_bytes": proven.proof_bytes,
            "prove_ms": milliseconds(proven.timings.prove),
        });
        Ok(Answer::new(text, json))
    }
}

impl ReportArgs {
    fn run(&self, session: &Session) -> Result<Answer, Error> {
        let profile = session.profile(&self.profile)?;
        if let Some(out) = &self.out {
            refuse_existing(out)?;
        }
        let opened = self.chain.open_to_look(session, profile, self.srs.as_deref())?;
        let (profile, view) = (&opened.profile, opened.view()?);
        let adapter = Adapter::open(&view, self.adapter, B256::new(profile.id()))?;
        let document = report(&view, &adapter, U256::from(self.file))?;
        if let Some(out) = &self.out {
            fsio::write(out, format!("{document:#}\n").as_bytes(), Overwrite::Refuse)?;
        }
        Ok(Answer::new(format!("{document:#}"), document))
    }
}
