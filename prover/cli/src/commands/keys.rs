//! `zkpoc keys`: the keys of a profile.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde_json::{json, Value};
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::round::RoundCircuit;
use zkpoc_circuits::training::TrainingCircuit;

use crate::error::Error;
use crate::{Answer, Session};
use zkpoc_circuits::kind::ProfileCircuit;
use zkpoc_prover::fsio::FsError;
use zkpoc_prover::keys::{KeyCache, KeySource};
use zkpoc_prover::srs::Srs;

/// Arguments of `keys`.
#[derive(Debug, Args)]
pub struct KeysArgs {
    /// The profile.
    profile: String,
    /// Reference string [default: the one in the home].
    #[arg(long, value_name = "FILE")]
    srs: Option<PathBuf>,
    /// Make the keys anew, whatever is there.
    #[arg(long)]
    remake: bool,
}

impl KeysArgs {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        let profile = session.profile(&self.profile)?;
        let srs = session.srs(self.srs.as_deref(), profile.k)?;
        let rows = [
            self.key::<TrainingCircuit>(session, &profile, &srs)?,
            self.key::<DatasetCircuit>(session, &profile, &srs)?,
            self.key::<RoundCircuit>(session, &profile, &srs)?,
        ];
        let text: Vec<String> = rows.iter().map(|(text, _)| text.clone()).collect();
        let json: Vec<Value> = rows.into_iter().map(|(_, json)| json).collect();
        let json = json!({ "profile": profile.name, "srs_digest": srs.digest().to_string(), "keys": json });
        Ok(Answer::new(text.join("\n"), json))
    }

    fn key<C: ProfileCircuit>(
        &self,
        session: &Session,
        profile: &Profile,
        srs: &Srs,
    ) -> Result<(String, Value), Error> {
        let cache = KeyCache::new(&session.home()?.keys_dir());
        let path = cache.path::<C>(profile, srs)?;
        if self.remake {
            match std::fs::remove_file(&path) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(FsError::Io { action: "remove", path, source }.into());
                }
                _ => {}
            }
        }
        let mut phases = session.phases();
        phases.start(format!("{} key", C::KIND));
        let start = Instant::now();
        let (key, source) = cache.prover::<C>(profile, srs)?;
        let milliseconds = start.elapsed().as_millis() as u64;
        drop(phases);
        let bytes = std::fs::metadata(&path).map(|meta| meta.len()).unwrap_or(0);
        let verifier = key.verifier();
        let origin = match source {
            KeySource::Kept => "kept",
            KeySource::Made => "made",
            KeySource::Remade(_) => "remade",
        };
        let text = format!(
            "{}: {origin} in {:.2} s, {bytes} bytes, proofs of {} bytes\n  digest {}\n  {}",
            C::KIND,
            milliseconds as f64 / 1e3,
            verifier.proof_bytes(),
            verifier.digest(),
            path.display()
        );
        let json = json!({
            "circuit": C::KIND.name(), "digest": verifier.digest().to_string(), "source": origin, "file": path,
            "bytes": bytes, "milliseconds": milliseconds, "proof_bytes": verifier.proof_bytes(),
        });
        Ok((text, json))
    }
}
