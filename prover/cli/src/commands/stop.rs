//! `zkpoc stop canary|contradiction`: end a pool whose proofs mean nothing.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;
use zkpoc_circuits::profile::Profile;
use zkpoc_contracts::bindings::Circuit;

use crate::args::{outcome_json, outcome_text, ChainArgs, SendArgs};
use crate::error::Error;
use crate::session::{grid, model};
use crate::{Answer, Session};
use zkpoc_circuits::kind::CircuitKind;
use zkpoc_client::chain::{Outcome, PoolClient};
use zkpoc_client::contradiction::difference;
use zkpoc_client::formats::bundle;
use zkpoc_client::formats::evidence::EvidenceFile;
use zkpoc_prover::fsio;

/// What evidence there is.
#[derive(Debug, Subcommand)]
pub enum StopCommand {
    /// By a proof of a statement that is false for every witness.
    Canary(CanaryArgs),
    /// By two proofs that lead from one model, by one sum, to different next models.
    Contradiction(ContradictionArgs),
}

/// Arguments of `stop canary`.
#[derive(Debug, Args)]
pub struct CanaryArgs {
    /// The profile.
    profile: String,
    /// The proof with its public inputs.
    #[arg(long, value_name = "FILE")]
    evidence: PathBuf,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    send: SendArgs,
}

/// Arguments of `stop contradiction`.
#[derive(Debug, Args)]
pub struct ContradictionArgs {
    /// The profile.
    profile: String,
    /// One proof of the round circuit with its public inputs.
    #[arg(long, value_name = "FILE")]
    one: PathBuf,
    /// The next model it leads to, as safetensors.
    #[arg(long, value_name = "FILE")]
    one_next: PathBuf,
    /// The other proof.
    #[arg(long, value_name = "FILE")]
    other: PathBuf,
    /// The next model it leads to.
    #[arg(long, value_name = "FILE")]
    other_next: PathBuf,
    /// Reference string [default: the one in the home].
    #[arg(long, value_name = "FILE")]
    srs: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    send: SendArgs,
}

impl StopCommand {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        match self {
            Self::Canary(args) => args.run(session),
            Self::Contradiction(args) => args.run(session),
        }
    }
}

fn read(path: &Path, profile: &Profile) -> Result<EvidenceFile, Error> {
    let file = EvidenceFile::from_json(&fsio::read(path, bundle::LIMIT)?).map_err(Error::format(path))?;
    match file.profile_id.0 == profile.id() {
        true => Ok(file),
        false => Err(Error::Mismatch {
            what: format!("the profile id in {}", path.display()),
            expected: alloy::primitives::B256::new(profile.id()).to_string(),
            found: file.profile_id.to_string(),
            hint: "the evidence is against another profile".into(),
        }),
    }
}

fn answer(reason: &str, circuit: CircuitKind, outcome: &Outcome) -> Answer {
    let stopped = match outcome.receipt() {
        Some(_) => format!("the pool is stopped for good, by a {reason} of the {circuit} circuit"),
        None => format!("this {reason} of the {circuit} circuit would stop the pool"),
    };
    let more = json!({ "stopped": outcome.receipt().is_some(), "reason": reason, "circuit": circuit.name() });
    Answer::new(format!("{stopped}\n{}", outcome_text(outcome)), outcome_json(outcome, more))
}

impl CanaryArgs {
    fn run(&self, session: &Session) -> Result<Answer, Error> {
        let profile = session.profile(&self.profile)?;
        let file = read(&self.evidence, &profile)?;
        let circuit = match file.circuit {
            CircuitKind::Dataset => Circuit::Dataset,
            CircuitKind::Training => Circuit::Training,
            CircuitKind::Round => Circuit::Round,
        };
        let client = self.chain.sender()?;
        let pool = self.chain.pool(&client, &profile)?;
        let view = PoolClient::unchecked(&client, &pool)?;
        let outcome = view.stop_by_canary(circuit, file.evidence(), self.send.mode())?;
        Ok(answer("canary", file.circuit, &outcome))
    }
}

impl ContradictionArgs {
    fn run(&self, session: &Session) -> Result<Answer, Error> {
        let profile = session.profile(&self.profile)?;
        let srs = session.srs(self.srs.as_deref(), profile.k)?;
        let files = [read(&self.one, &profile)?, read(&self.other, &profile)?];
        for (file, path) in files.iter().zip([&self.one, &self.other]) {
            if file.circuit != CircuitKind::Round {
                let path = path.display();
                return Err(Error::Usage(format!(
                    "{path} is no proof of the round circuit but of the {}",
                    file.circuit
                )));
            }
        }
        let (one, other) = (model(&profile, &self.one_next)?, model(&profile, &self.other_next)?);
        let shown =
            difference(&srs, &grid(&profile)?, &one, &other).map_err(|error| Error::Usage(error.to_string()))?;
        let client = self.chain.sender()?;
        let pool = self.chain.pool(&client, &profile)?;
        let view = PoolClient::unchecked(&client, &pool)?;
        let outcome = view.stop_by_contradiction(files.map(|file| file.evidence()), shown, self.send.mode())?;
        Ok(answer("contradiction", CircuitKind::Round, &outcome))
    }
}
