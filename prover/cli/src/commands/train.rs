//! `zkpoc train`: plain training with the integer arithmetic of the circuits.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde_json::json;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{evaluate, train_epochs, Model, Shard};

use crate::error::Error;
use crate::session::load;
use crate::session::{bytes32, model};
use crate::source::Source;
use crate::{Answer, Session};
use zkpoc_client::data::Records;
use zkpoc_client::formats::tensors;
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::{FsError, Overwrite};

/// Arguments of `train`.
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// The profile.
    #[arg(long)]
    profile: String,
    /// Train on a committed dataset of this home.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["data", "skip", "shards"])]
    dataset: Option<String>,
    #[command(flatten)]
    source: Source,
    /// Number of shards, each of the profile's batch of records.
    #[arg(long, value_name = "N", default_value_t = 16)]
    shards: usize,
    /// Times to go over the shards.
    #[arg(long, value_name = "N", default_value_t = 1)]
    epochs: usize,
    /// Model to start from [default: the public start model of --seed].
    #[arg(long, value_name = "FILE", conflicts_with = "seed")]
    model: Option<PathBuf>,
    /// Seed of the public start model, 32 bytes in hexadecimal [default: zeros].
    #[arg(long, value_name = "HEX", value_parser = bytes32)]
    seed: Option<[u8; 32]>,
    /// Where to write the model, as safetensors.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Replace an existing file.
    #[arg(long)]
    replace: bool,
}

impl TrainArgs {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        let profile = session.profile(&self.profile)?;
        if self.out.exists() && !self.replace {
            return Err(FsError::Exists { path: self.out.clone() }.into());
        }
        let start = match &self.model {
            Some(path) => model(&profile, path)?,
            None => Model::random(&profile, self.seed.unwrap_or_default()),
        };
        let mut phases = session.phases();
        phases.start("reading records");
        let shards = self.shards(session, &profile)?;
        let test = match self.dataset {
            Some(_) => None,
            None => self.source.test(&profile)?,
        };
        let (measure, on) = match test {
            Some(records) => (records, "test records"),
            None => (Records::from_shards(profile.features(), &shards)?, "training records"),
        };
        let accuracy = |model: &Model| evaluate(&profile, model, measure.features(), measure.labels());
        let before = accuracy(&start)?;
        let clock = Instant::now();
        let mut lines = Vec::new();
        phases.start(format!("epoch 1 of {}", self.epochs));
        let trained = train_epochs(&profile, &start, &shards, self.epochs, |report, _| {
            lines.push(format!("epoch {}: mean loss {:.4}", report.epoch + 1, report.mean_loss));
            if report.epoch + 1 < self.epochs {
                phases.start(format!("epoch {} of {}", report.epoch + 2, self.epochs));
            }
        })?;
        let seconds = clock.elapsed().as_secs_f64();
        drop(phases);
        let after = accuracy(&trained)?;
        let bytes = tensors::write_model(&profile, &trained).map_err(Error::format(&self.out))?;
        fsio::write(&self.out, &bytes, if self.replace { Overwrite::Replace } else { Overwrite::Refuse })?;
        lines.push(format!(
            "accuracy on {} {on}: {:.2} % before, {:.2} % after",
            measure.len(),
            before.0 * 1e2,
            after.0 * 1e2
        ));
        lines.push(format!("mean loss on them: {:.4} before, {:.4} after", before.1, after.1));
        lines.push(format!("wrote {}", self.out.display()));
        let json = json!({
            "profile": profile.name, "shards": shards.len(), "records": shards.len() * profile.shard_records(),
            "epochs": self.epochs, "seconds": seconds, "measured_on": on, "measured_records": measure.len(),
            "accuracy_before": before.0, "accuracy": after.0, "loss_before": before.1, "loss": after.1,
            "model": self.out,
        });
        Ok(Answer::new(lines.join("\n"), json))
    }

    fn shards(&self, session: &Session, profile: &Profile) -> Result<Vec<Shard>, Error> {
        match &self.dataset {
            Some(name) => Ok(load(session, name, Some(&self.profile))?.1.shards),
            None if self.shards == 0 => Err(Error::Usage("--shards is 0, expected at least 1".into())),
            None => {
                let records = self.source.load(profile, self.shards.saturating_mul(profile.shard_records()))?;
                Ok(records.shards(profile, self.shards)?)
            }
        }
    }
}
