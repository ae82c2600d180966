//! The steps of a contributor, each a process of this program with the contributor's own home.
//!
//! A step prints one JSON object as its last line of standard output; the figures of the report come from there. Keys go
//! through the environment, never through arguments.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use alloy::primitives::{Address, B256};
use alloy::signers::local::PrivateKeySigner;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::demo::data::Source;
use crate::demo::DemoError;
use zkpoc_client::chain::signer::KEY_VARIABLE;
use zkpoc_client::home::HOME_VARIABLE;
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::FsError;

/// Name of a contributor's dataset.
const DATASET: &str = "demo";

/// What all contributors share.
#[derive(Debug)]
pub struct Shared {
    /// This program.
    pub program: PathBuf,
    /// The node.
    pub rpc_url: String,
    /// Name of the profile, or its TOML file.
    pub profile: String,
    /// Shards of a contributor.
    pub shards: usize,
    /// File of the SRS.
    pub srs: PathBuf,
    /// Folder of the deployment file.
    pub deployments: PathBuf,
    /// Folder through which openings, models and acknowledgements pass.
    pub exchange: PathBuf,
    /// Folder of the attestor.
    pub attestor_folder: PathBuf,
    /// The attestor's key.
    pub attestor: PrivateKeySigner,
    /// Threads of a step.
    pub threads: Option<usize>,
    /// Bytes that a proof may take.
    pub memory_limit: Option<u64>,
    /// The registry.
    pub registry: Address,
}

/// A committed dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its root.
    pub root: B256,
}

/// A sent transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// What it cost.
    pub gas_used: u64,
}

/// A contributor: a key and a home.
#[derive(Debug)]
pub struct Contributor<'a> {
    shared: &'a Shared,
    name: String,
    number: usize,
    home: PathBuf,
    source: Source,
    attestation: PathBuf,
    signer: PrivateKeySigner,
}

impl<'a> Contributor<'a> {
    /// A fresh key and an empty home in `folder`.
    pub fn new(shared: &'a Shared, number: usize, folder: &Path, source: Source) -> Result<Self, DemoError> {
        Self::named(shared, format!("contributor {number}"), number, folder, source)
    }

    /// Who finalizes rounds: a key and a home, no data.
    pub fn finalizer(shared: &'a Shared, folder: &Path) -> Result<Self, DemoError> {
        Self::named(shared, "finalizer".into(), 0, folder, Source { data: None, skip: 0 })
    }

    fn named(
        shared: &'a Shared,
        name: String,
        number: usize,
        folder: &Path,
        source: Source,
    ) -> Result<Self, DemoError> {
        let home = folder.join(name.replace(' ', "-"));
        fsio::create_secret_dir(&home)?;
        let attestation = folder.join(format!("attestation-{number}.json"));
        Ok(Self { shared, name, number, attestation, home, source, signer: PrivateKeySigner::random() })
    }

    /// For people.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// Its account.
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// Commits to the records.
    pub fn commit(&self) -> Result<Committed, DemoError> {
        let (shards, skip) = (self.shared.shards.to_string(), self.source.skip.to_string());
        let data = self.source.data.as_deref().map(path).transpose()?;
        let data: Vec<&str> = data.iter().flat_map(|data| ["--data", data]).collect();
        let answer = self.run(
            "dataset commit",
            &[
                &["dataset", "commit", DATASET, "--profile", &self.shared.profile, "--shards", &shards],
                &["--skip", &skip, "--srs", &path(&self.shared.srs)?],
                &data,
            ],
            None,
        )?;
        let root = answer["root"].as_str().and_then(|text| text.parse().ok());
        Ok(Committed { root: root.ok_or_else(|| self.lacks("dataset commit", "root"))? })
    }

    /// Has the attestor check and sign.
    pub fn attest(&self) -> Result<(), DemoError> {
        let owner = self.address().to_string();
        let registry = self.shared.registry.to_string();
        let chain_id = super::CHAIN_ID.to_string();
        let source = format!("demo source {}", self.number);
        self.run(
            "dataset attest",
            &[
                &["dataset", "attest", DATASET, "--profile", &self.shared.profile, "--owner", &owner],
                &["--attestor", &path(&self.shared.attestor_folder)?, "--source", &source],
                &["--chain-id", &chain_id, "--registry", &registry],
                &["--srs", &path(&self.shared.srs)?, "--out", &path(&self.attestation)?],
            ],
            Some(&self.shared.attestor),
        )
        .map(drop)
    }

    /// Registers the dataset.
    pub fn register(&self) -> Result<Sent, DemoError> {
        let file = path(&self.attestation)?;
        let chain = self.chain()?;
        let answer = self.run(
            "dataset register",
            &[
                &["dataset", "register", DATASET, "--profile", &self.shared.profile, "--attestation", &file],
                &chain.each_ref().map(String::as_str),
            ],
            Some(&self.signer),
        )?;
        self.sent("dataset register", &answer)
    }

    /// Proves a shard well-formed; nothing is sent where the registry knows that already, as after an earlier draw of the shard.
    pub fn validate(&self, index: u64) -> Result<Option<(Sent, Value)>, DemoError> {
        let index = index.to_string();
        let chain = self.chain()?;
        let answer = self.run(
            "dataset validate",
            &[
                &["dataset", "validate", DATASET, "--profile", &self.shared.profile, "--index", &index],
                &chain.each_ref().map(String::as_str),
            ],
            Some(&self.signer),
        )?;
        match answer["already"].as_bool() {
            Some(true) => Ok(None),
            _ => Ok(Some((self.sent("dataset validate", &answer)?, answer))),
        }
    }

    /// Trains on the drawn shard, proves it, and claims; hands the opening over if the claim is a plain one. With `measure` it also
    /// times the yardsticks, which takes longer than the proof.
    pub fn claim(&self, round: u64, masked: bool, measure: bool) -> Result<(Sent, Value), DemoError> {
        let (round, exchange) = (round.to_string(), path(&self.shared.exchange)?);
        let chain = self.chain()?;
        let measure: &[&str] = if measure { &["--measure"] } else { &[] };
        let plain: &[&str] = if masked { &[] } else { &["--plain"] };
        let answer = self.run(
            "round claim",
            &[
                &["round", "claim", DATASET, "--profile", &self.shared.profile, "--round", &round],
                &["--exchange", &exchange],
                measure,
                plain,
                &chain.each_ref().map(String::as_str),
            ],
            Some(&self.signer),
        )?;
        Ok((self.sent("round claim", &answer)?, answer))
    }

    /// Proves that a file of Vana's registry stands for a shard, and has it paid.
    pub fn claim_file(&self, adapter: Address, url: &str, index: u64) -> Result<Value, DemoError> {
        let (adapter, index) = (adapter.to_string(), index.to_string());
        let seed = hex::encode(super::model_seed());
        let chain = self.chain()?;
        self.run(
            "vana claim",
            &[
                &["vana", "claim", DATASET, "--profile", &self.shared.profile, "--adapter", &adapter],
                &["--url", url, "--index", &index, "--model-seed", &seed],
                &chain.each_ref().map(String::as_str),
            ],
            Some(&self.signer),
        )
    }

    /// Takes a step in its group: `share`, `reveal` or `bond`.
    pub fn group(&self, step: &str, round: u64) -> Result<Value, DemoError> {
        let (round, exchange) = (round.to_string(), path(&self.shared.exchange)?);
        let chain = self.chain()?;
        self.run(
            &format!("round {step}"),
            &[
                &[
                    "round",
                    step,
                    DATASET,
                    "--profile",
                    &self.shared.profile,
                    "--round",
                    &round,
                    "--exchange",
                    &exchange,
                ],
                &chain.each_ref().map(String::as_str),
            ],
            Some(&self.signer),
        )
    }

    /// Settles a round whose finalization stands.
    pub fn settle(&self, round: u64) -> Result<Value, DemoError> {
        let round = round.to_string();
        let chain = self.chain()?;
        self.run(
            "round settle",
            &[&["round", "settle", &self.shared.profile, "--round", &round], &chain.each_ref().map(String::as_str)],
            Some(&self.signer),
        )
    }

    /// Signs for the next model of a round, once it is in hand.
    pub fn acknowledge(&self, round: u64, next: &str) -> Result<(), DemoError> {
        let (round, exchange) = (round.to_string(), path(&self.shared.exchange)?);
        let chain = self.chain()?;
        self.run(
            "round ack",
            &[
                &["round", "ack", &self.shared.profile, "--next", next, "--round", &round, "--exchange", &exchange],
                &chain.each_ref().map(String::as_str),
            ],
            Some(&self.signer),
        )
        .map(drop)
    }

    /// Proves the next model of a round, and sends it if `send`.
    pub fn finalize(&self, round: u64, send: bool) -> Result<Value, DemoError> {
        let (round, exchange) = (round.to_string(), path(&self.shared.exchange)?);
        let chain = self.chain()?;
        let prove_only: &[&str] = if send { &[] } else { &["--prove-only"] };
        self.run(
            "round finalize",
            &[
                &["round", "finalize", &self.shared.profile, "--round", &round],
                &["--exchange", &exchange],
                prove_only,
                &chain.each_ref().map(String::as_str),
            ],
            Some(&self.signer),
        )
    }

    fn chain(&self) -> Result<[String; 6], DemoError> {
        Ok([
            "--rpc-url".into(),
            self.shared.rpc_url.clone(),
            "--deployments".into(),
            path(&self.shared.deployments)?,
            "--srs".into(),
            path(&self.shared.srs)?,
        ])
    }

    fn sent(&self, command: &str, answer: &Value) -> Result<Sent, DemoError> {
        let gas_used = answer["gas_used"].as_u64().ok_or_else(|| self.lacks(command, "gas_used"))?;
        Ok(Sent { gas_used })
    }

    fn lacks(&self, command: &str, field: &'static str) -> DemoError {
        DemoError::Answer { who: self.name(), command: command.to_owned(), field }
    }

    fn run(&self, command: &str, arguments: &[&[&str]], signer: Option<&PrivateKeySigner>) -> Result<Value, DemoError> {
        let mut process = Command::new(&self.shared.program);
        process.args(arguments.iter().copied().flatten()).arg("--json").env(HOME_VARIABLE, &self.home);
        if let Some(threads) = self.shared.threads {
            process.args(["--threads", &threads.to_string()]);
        }
        if let Some(limit) = self.shared.memory_limit {
            process.args(["--memory-limit", &format!("{limit}B")]);
        }
        process.env_remove(KEY_VARIABLE);
        if let Some(signer) = signer {
            let key = Zeroizing::new(hex::encode(signer.to_bytes()));
            process.env(KEY_VARIABLE, key.as_str());
        }
        let output = process.stdin(Stdio::null()).output().map_err(DemoError::Program)?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(DemoError::Child {
                who: self.name(),
                command: command.to_owned(),
                status: output.status.to_string(),
                output: format!("{}{}", stdout, stderr).trim().to_owned(),
                code: output.status.code().unwrap_or(3),
            });
        }
        let last = stdout.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        serde_json::from_str(last).map_err(|_| self.lacks(command, "a JSON object in its last line"))
    }
}

/// A path as an argument.
fn path(path: &Path) -> Result<String, DemoError> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        FsError::Io {
            action: "name in an argument",
            path: path.to_path_buf(),
            source: std::io::Error::new(std::io::ErrorKind::InvalidInput, "the path is not Unicode"),
        }
        .into()
    })
}
