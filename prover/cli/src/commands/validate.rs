//! `zkpoc dataset validate`: a shard is proven well-formed, once.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::args::{outcome_json, outcome_text, ChainArgs, SendArgs};
use crate::error::Error;
use crate::session::load;
use crate::{Answer, Session};
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::Overwrite;
use zkpoc_prover::measure::milliseconds;

/// Arguments of `dataset validate`.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Name of the dataset in the home.
    name: String,
    /// The profile, if it is one of your own: its TOML file.
    #[arg(long)]
    profile: Option<String>,
    /// Index of the shard.
    #[arg(long)]
    index: u64,
    /// Write the proof as JSON, too.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Reference string [default: the one in the home].
    #[arg(long, value_name = "FILE")]
    srs: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    send: SendArgs,
}

impl ValidateArgs {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        let (profile, dataset) = load(session, &self.name, self.profile.as_deref())?;
        let mut phases = session.phases();
        let opened = self.chain.open(session, profile, self.srs.as_deref())?;
        let view = opened.view()?;
        let site = opened.site(&view);
        let index = self.index;
        let Some(made) = site.prove_validity(&dataset, index, &mut |phase| phases.start(phase))? else {
            let json = json!({ "root": dataset.manifest.root, "index": index, "already": true });
            return Ok(Answer::new(format!("shard {index} is validated already"), json));
        };
        if let Some(path) = &self.out {
            fsio::write(path, &made.bundle.to_json(), Overwrite::Refuse)?;
        }
        phases.start("validating on chain");
        let outcome = view.validate_shard(&made.call, self.send.mode())?;
        let text = format!(
            "shard {index}: proof of {} bytes in {:.0} ms\n{}",
            made.bundle.proof.len(),
            milliseconds(made.timings.prove),
            outcome_text(&outcome)
        );
        let more = json!({
            "root": dataset.manifest.root, "index": index, "proof_bytes": made.bundle.proof.len(),
            "link_bytes": made.call.link.len(), "witness_ms": milliseconds(made.timings.witness),
            "prove_ms": milliseconds(made.timings.prove), "verify_ms": milliseconds(made.timings.verify),
        });
        Ok(Answer::new(text, outcome_json(&outcome, more)))
    }
}
