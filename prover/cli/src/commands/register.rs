//! `zkpoc dataset register`: an attested dataset goes on chain.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::args::{outcome_json, outcome_text, ChainArgs, SendArgs};
use crate::error::Error;
use crate::session::load;
use crate::{Answer, Session};
use zkpoc_client::attest::{AttestError, SignedAttestation};
use zkpoc_prover::fsio;

/// Longest attestation that is read.
const ATTESTATION_LIMIT: u64 = 1 << 16;

/// Arguments of `dataset register`.
#[derive(Debug, Args)]
pub struct RegisterArgs {
    /// Name of the dataset in the home.
    name: String,
    /// The profile, if it is one of your own: its TOML file.
    #[arg(long)]
    profile: Option<String>,
    /// What the attestor gave.
    #[arg(long, value_name = "FILE")]
    attestation: PathBuf,
    /// Reference string [default: the one in the home].
    #[arg(long, value_name = "FILE")]
    srs: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    send: SendArgs,
}

impl RegisterArgs {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        // Read whole, not the manifest alone: what is registered must not be without its seed and records.
        let (profile, dataset) = load(session, &self.name, self.profile.as_deref())?;
        let named = |error| match error {
            AttestError::Format { source, .. } => AttestError::Format { path: self.attestation.clone(), source },
            other => other,
        };
        let signed = SignedAttestation::from_json(&fsio::read(&self.attestation, ATTESTATION_LIMIT)?).map_err(named)?;
        let mut phases = session.phases();
        phases.start("registering");
        let opened = self.chain.open(session, profile, self.srs.as_deref())?;
        let view = opened.view()?;
        let site = opened.site(&view);
        let root = dataset.manifest.root;
        let more = json!({ "root": root, "subject": signed.attestation.subject });
        Ok(match site.register(&dataset.manifest, &signed, self.send.mode())? {
            None => {
                Answer::new(format!("dataset {root} is registered already"), json!({ "root": root, "already": true }))
            }
            Some(outcome) => {
                Answer::new(format!("dataset {root}\n{}", outcome_text(&outcome)), outcome_json(&outcome, more))
            }
        })
    }
}
