//! `zkpoc verify`: a proof file, as strictly as the contracts.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde_json::json;
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::round::RoundCircuit;
use zkpoc_circuits::training::TrainingCircuit;

use crate::error::Error;
use crate::session::{grid, model};
use crate::{Answer, Session};
use zkpoc_circuits::kind::CircuitKind;
use zkpoc_client::formats::bundle;
use zkpoc_client::formats::bundle::ProofBundle;
use zkpoc_client::formats::bundle::{verify_bundle, Expected};
use zkpoc_prover::fsio;
use zkpoc_prover::link::link_bases;
use zkpoc_prover::measure::milliseconds;
use zkpoc_prover::prove::model_commitment;

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The proof, as `zkpoc prove` wrote it.
    file: PathBuf,
    /// The profile, if it is one of your own: its TOML file.
    #[arg(long)]
    profile: Option<String>,
    /// Reference string [default: the one in the home].
    #[arg(long, value_name = "FILE")]
    srs: Option<PathBuf>,
    /// The model a training proof must be about, as safetensors.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Accept a proof without a link to a registered commitment, which no contract does.
    #[arg(long)]
    unlinked: bool,
}

impl VerifyArgs {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        let bytes = fsio::read(&self.file, bundle::LIMIT)?;
        let bundle = ProofBundle::from_json(&bytes).map_err(Error::format(&self.file))?;
        let profile = session.profile(self.profile.as_deref().unwrap_or(&bundle.profile))?;
        let srs = session.srs(self.srs.as_deref(), profile.k)?;
        let model = match (&self.model, bundle.circuit) {
            (None, CircuitKind::Training | CircuitKind::Dataset) => None,
            (Some(path), CircuitKind::Training) => {
                Some(model_commitment(&srs, &grid(&profile)?, &model(&profile, path)?)?)
            }
            (_, CircuitKind::Round) => {
                return Err(Error::Usage("round proofs are verified from the chain: `zkpoc round watch`".into()))
            }
            (Some(_), CircuitKind::Dataset) => {
                return Err(Error::Usage(
                    "--model is for training proofs; this is the proof of a shard's validity".into(),
                ))
            }
        };
        let mut phases = session.phases();
        phases.start("verifying key");
        let key = match bundle.circuit {
            CircuitKind::Training => session.verifier_key::<TrainingCircuit>(&profile, &srs)?,
            CircuitKind::Dataset => session.verifier_key::<DatasetCircuit>(&profile, &srs)?,
            CircuitKind::Round => session.verifier_key::<RoundCircuit>(&profile, &srs)?,
        };
        let bases = link_bases(&srs)?;
        phases.start("verifying");
        let start = Instant::now();
        let expected = Expected { model: model.as_deref(), linked: !self.unlinked };
        verify_bundle(&key, &srs, &bases, &bundle, &expected).map_err(Error::verify(&self.file))?;
        let verify_ms = milliseconds(start.elapsed());
        drop(phases);
        let linked = bundle.link.is_some();
        let text = format!(
            "valid: a {} proof for {}, {} bytes, verified in {verify_ms:.1} ms\n{}{}",
            bundle.circuit,
            profile.name,
            bundle.proof.len(),
            if linked { "linked to the registered commitment" } else { "NOT linked to a registered commitment" },
            match (bundle.circuit, &model) {
                (CircuitKind::Training, None) => "\nabout whatever model it names: compare with one by --model",
                (CircuitKind::Training, Some(_)) => "\nabout the given model",
                _ => "",
            }
        );
        let json = json!({
            "valid": true, "circuit": bundle.circuit.name(), "profile": profile.name,
            "profile_id": bundle.profile_id.to_string(), "srs_digest": bundle.srs_digest.to_string(),
            "proof_bytes": bundle.proof.len(), "linked": linked, "model_checked": model.is_some(),
            "verify_ms": verify_ms,
        });
        Ok(Answer::new(text, json))
    }
}
