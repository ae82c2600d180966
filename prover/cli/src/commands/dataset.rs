//! `zkpoc dataset`: commit to records, check, back up and restore.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use zkpoc_contracts::bindings::digests::CAPACITY;

use crate::commands::attest::AttestArgs;
use crate::commands::register::RegisterArgs;
use crate::commands::validate::ValidateArgs;
use crate::error::Error;
use crate::session::grid;
use crate::session::{check_srs, load, profile_of};
use crate::source::Source;
use crate::{Answer, Session};
use zkpoc_client::home::backup;
use zkpoc_client::home::backup::{OpenWith, SealWith};
use zkpoc_client::home::{blinding, Dataset, DatasetManifest, Seed};
use zkpoc_prover::fsio::{FsError, Overwrite};
use zkpoc_prover::prove::commit_shard;

/// What to do with datasets.
#[derive(Debug, Subcommand)]
pub enum DatasetCommand {
    /// Commit to records, for one profile, under a fresh seed.
    Commit(CommitArgs),
    /// Recompute every commitment of a dataset from its records and seed.
    Check(CheckArgs),
    /// Show the datasets of this home.
    List,
    /// Check a dataset as its attestor, and sign for it.
    Attest(Box<AttestArgs>),
    /// Register an attested dataset on chain.
    Register(RegisterArgs),
    /// Prove a shard well-formed, on chain.
    Validate(ValidateArgs),
    /// Write an encrypted backup.
    Export(ExportArgs),
    /// Restore a backup.
    Import(ImportArgs),
}

/// Arguments of `dataset commit`.
#[derive(Debug, Args)]
pub struct CommitArgs {
    /// What to call the dataset in this home.
    name: String,
    /// The profile it is for.
    #[arg(long)]
    profile: String,
    /// Number of shards, each of the profile's batch of records.
    #[arg(long, value_name = "N", default_value_t = 8)]
    shards: usize,
    #[command(flatten)]
    source: Source,
    /// Reference string [default: the one in the home].
    #[arg(long, value_name = "FILE")]
    srs: Option<PathBuf>,
}

/// Arguments of `dataset check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The dataset.
    name: String,
    /// The profile, if it is one of your own: its TOML file.
    #[arg(long)]
    profile: Option<String>,
    /// Reference string [default: the one in the home].
    #[arg(long, value_name = "FILE")]
    srs: Option<PathBuf>,
}

/// Arguments of `dataset export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The dataset.
    name: String,
    /// File to write.
    file: PathBuf,
    /// Encrypt to this age recipient instead of a passphrase.
    #[arg(long, value_name = "AGE1", conflicts_with = "passphrase_file")]
    recipient: Option<String>,
    /// File with the passphrase [default: the variable ZKPOC_PASSPHRASE].
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// The profile, if it is one of your own: its TOML file.
    #[arg(long)]
    profile: Option<String>,
    /// Replace an existing file.
    #[arg(long)]
    replace: bool,
}

/// Arguments of `dataset import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The backup.
    file: PathBuf,
    /// The profile it was committed for.
    #[arg(long)]
    profile: String,
    /// What to call it here [default: its name in the backup].
    #[arg(long)]
    name: Option<String>,
    /// File with an age identity, for a backup to a recipient.
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_file")]
    identity: Option<PathBuf>,
    /// File with the passphrase [default: the variable ZKPOC_PASSPHRASE].
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl DatasetCommand {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        match self {
            Self::Commit(args) => commit(session, args),
            Self::Check(args) => check(session, args),
            Self::List => list(session),
            Self::Attest(args) => args.run(session),
            Self::Register(args) => args.run(session),
            Self::Validate(args) => args.run(session),
            Self::Export(args) => export(session, args),
            Self::Import(args) => import(session, args),
        }
    }
}

fn commit(session: &Session, args: &CommitArgs) -> Result<Answer, Error> {
    let profile = session.profile(&args.profile)?;
    if !(1..=CAPACITY).contains(&args.shards) {
        return Err(Error::Usage(format!("--shards is {}, expected 1 to {CAPACITY}", args.shards)));
    }
    let home = session.home()?;
    let folder = home.dataset_dir(&args.name)?;
    if folder.exists() {
        return Err(FsError::Exists { path: folder }.into());
    }
    let mut phases = session.phases();
    phases.start("reading records");
    let records = args.source.load(&profile, args.shards.saturating_mul(profile.shard_records()))?;
    let shards = records.shards(&profile, args.shards)?;
    let srs = session.srs(args.srs.as_deref(), profile.k)?;
    phases.start(format!("committing to {} shards", shards.len()));
    let grid = grid(&profile)?;
    let seed = Seed::random();
    let mut commitments = Vec::with_capacity(shards.len());
    for (index, shard) in shards.iter().enumerate() {
        let blinding = blinding(&seed, &profile.id(), index as u64);
        commitments.push(commit_shard(&srs, &grid, shard, &blinding)?);
    }
    let manifest = DatasetManifest::new(&profile, srs.digest(), commitments).map_err(Error::format(&folder))?;
    let dataset = Dataset { manifest, shards, seed };
    phases.start("saving");
    let lock = home.lock()?;
    home.save_dataset(&lock, &args.name, &profile, &dataset)?;
    drop(phases);
    Ok(described("committed", &args.name, &dataset.manifest))
}

fn check(session: &Session, args: &CheckArgs) -> Result<Answer, Error> {
    let (profile, dataset) = load(session, &args.name, args.profile.as_deref())?;
    let srs = session.srs(args.srs.as_deref(), profile.k)?;
    let folder = session.home()?.dataset_dir(&args.name)?;
    check_srs(&dataset.manifest, &srs)?;
    let grid = grid(&profile)?;
    let mut phases = session.phases();
    phases.start(format!("recomputing {} commitments", dataset.shards.len()));
    for (index, (shard, expected)) in dataset.shards.iter().zip(&dataset.manifest.commitments).enumerate() {
        let found = commit_shard(&srs, &grid, shard, &dataset.blinding(index as u64))?;
        if found != *expected {
            return Err(Error::Mismatch {
                what: format!("{}: commitment of shard {index}", folder.display()),
                expected: format!("{expected:?}"),
                found: format!("{found:?}"),
                hint: "the records or the seed were changed; restore the dataset from a backup".into(),
            });
        }
    }
    drop(phases);
    Ok(described("sound", &args.name, &dataset.manifest))
}

fn list(session: &Session) -> Result<Answer, Error> {
    let home = session.home()?;
    let mut lines = Vec::new();
    let mut rows = Vec::new();
    for name in home.datasets()? {
        let manifest = home.load_manifest(&name)?;
        lines.push(format!(
            "{name}: {} shards for {}, root {}",
            manifest.shard_count(),
            manifest.profile,
            manifest.root
        ));
        rows.push(summary(&name, &manifest));
    }
    if lines.is_empty() {
        lines.push(format!("no datasets in {}", home.root().display()));
    }
    Ok(Answer::new(lines.join("\n"), json!({ "datasets": rows })))
}

fn export(session: &Session, args: &ExportArgs) -> Result<Answer, Error> {
    let home = session.home()?;
    let profile = profile_of(session, &args.name, args.profile.as_deref())?;
    let key = match &args.recipient {
        Some(text) => SealWith::Recipient(backup::recipient(text)?),
        None => SealWith::Passphrase(backup::passphrase(args.passphrase_file.as_deref())?),
    };
    let mut phases = session.phases();
    phases.start("encrypting");
    let overwrite = if args.replace { Overwrite::Replace } else { Overwrite::Refuse };
    let manifest = backup::export(&home, &args.name, &profile, &args.file, &key, overwrite)?;
    drop(phases);
    Ok(described(&format!("backed up to {}", args.file.display()), &args.name, &manifest))
}

fn import(session: &Session, args: &ImportArgs) -> Result<Answer, Error> {
    let home = session.home()?;
    let profile = session.profile(&args.profile)?;
    let key = match &args.identity {
        Some(file) => OpenWith::Identity(backup::identity(file)?),
        None => OpenWith::Passphrase(backup::passphrase(args.passphrase_file.as_deref())?),
    };
    let mut phases = session.phases();
    phases.start("decrypting");
    let lock = home.lock()?;
    let (name, manifest) = backup::import(&home, &lock, &args.file, &profile, args.name.as_deref(), &key)?;
    drop(phases);
    Ok(described("restored", &name, &manifest))
}

fn summary(name: &str, manifest: &DatasetManifest) -> serde_json::Value {
    json!({
        "name": name, "profile": manifest.profile, "profile_id": manifest.profile_id.to_string(),
        "srs_digest": manifest.srs_digest.to_string(), "root": manifest.root.to_string(),
        "shards": manifest.shard_count(), "records": manifest.record_count,
    })
}

fn described(what: &str, name: &str, manifest: &DatasetManifest) -> Answer {
    let text = format!(
        "{name}: {what}\n{} shards, {} records, for {}\nroot {}",
        manifest.shard_count(),
        manifest.record_count,
        manifest.profile,
        manifest.root
    );
    Answer::new(text, summary(name, manifest))
}
