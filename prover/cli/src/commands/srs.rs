//! `zkpoc srs`: make, import and check reference strings.

use std::path::{Path, PathBuf};

use alloy::primitives::B256;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::error::Error;
use crate::session::{bytes32, srs_path};
use crate::{Answer, Session};
use zkpoc_prover::fsio::Overwrite;
use zkpoc_prover::srs::{Origin, Srs, CEREMONY_DIGEST};

/// What to do with reference strings.
#[derive(Debug, Subcommand)]
pub enum SrsCommand {
    /// Make a string for development; INSECURE, refused on public chains.
    New(NewArgs),
    /// Import a ceremony's .ptau file, with every check.
    Import(ImportArgs),
    /// Repeat every check on a string.
    Check(CheckArgs),
}

/// The size, said directly or by a profile.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Size {
    /// log2 of the number of rows.
    #[arg(long)]
    k: Option<u32>,
    /// The profile it is for.
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
}

impl Size {
    fn k(&self, session: &Session) -> Result<u32, Error> {
        match (&self.profile, self.k) {
            (Some(name), _) => Ok(session.profile(name)?.k),
            (None, Some(k)) => Ok(k),
            (None, None) => Err(Error::Usage("expected --k or --profile".into())),
        }
    }
}

/// Where a string goes.
#[derive(Debug, Args)]
pub struct Target {
    /// File to write [default: in the home].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace an existing file. Datasets and keys made under it can no longer be used.
    #[arg(long)]
    replace: bool,
}

impl Target {
    fn save(&self, session: &Session, srs: &Srs) -> Result<PathBuf, Error> {
        let path = match &self.out {
            Some(path) => path.clone(),
            None => srs_path(&session.home()?, srs.k()),
        };
        srs.save(&path, if self.replace { Overwrite::Replace } else { Overwrite::Refuse })?;
        Ok(path)
    }

    /// Refuses a taken path before the work, not after it.
    fn check(&self, session: &Session, k: u32) -> Result<(), Error> {
        let path = match &self.out {
            Some(path) => path.clone(),
            None => srs_path(&session.home()?, k),
        };
        match path.exists() && !self.replace {
            true => Err(zkpoc_prover::fsio::FsError::Exists { path }.into()),
            false => Ok(()),
        }
    }
}

/// Arguments of `srs new`.
#[derive(Debug, Args)]
pub struct NewArgs {
    #[command(flatten)]
    size: Size,
    #[command(flatten)]
    target: Target,
}

/// Arguments of `srs import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The ceremony's file.
    file: PathBuf,
    #[command(flatten)]
    size: Size,
    /// keccak256 of the ceremony's [tau]_2 [default: Perpetual Powers of Tau, final].
    #[arg(long, value_name = "HEX", value_parser = bytes32)]
    digest: Option<[u8; 32]>,
    #[command(flatten)]
    target: Target,
}

/// Arguments of `srs check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The file [default: that of --k or --profile in the home].
    file: Option<PathBuf>,
    /// log2 of the number of rows.
    #[arg(long)]
    k: Option<u32>,
    /// The profile it is for.
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
}

impl SrsCommand {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        match self {
            Self::New(args) => {
                let k = args.size.k(session)?;
                args.target.check(session, k)?;
                let mut phases = session.phases();
                phases.start(format!("2^{k} powers of a random tau"));
                let srs = Srs::dev_insecure(k)?;
                tracing::warn!(
                    "INSECURE reference string: whoever makes it can forge every proof; for development only"
                );
                let path = args.target.save(session, &srs)?;
                Ok(answer("made", &srs, &path))
            }
            Self::Import(args) => {
                let k = args.size.k(session)?;
                args.target.check(session, k)?;
                let mut phases = session.phases();
                phases.start("reading and checking the ceremony's powers");
                let srs = Srs::import(&args.file, k, args.digest.map(B256::new))?;
                let path = args.target.save(session, &srs)?;
                Ok(answer("imported", &srs, &path))
            }
            Self::Check(args) => {
                let path = match (&args.file, &args.profile, args.k) {
                    (Some(file), _, _) => file.clone(),
                    (None, Some(name), _) => srs_path(&session.home()?, session.profile(name)?.k),
                    (None, None, Some(k)) => srs_path(&session.home()?, k),
                    (None, None, None) => return Err(Error::Usage("expected a file, --k or --profile".into())),
                };
                let mut phases = session.phases();
                phases.start("reading");
                let srs = Srs::load(&path)?;
                phases.start("checking powers and Lagrange points");
                srs.check(&path)?;
                Ok(answer("sound", &srs, &path))
            }
        }
    }
}

fn answer(what: &str, srs: &Srs, path: &Path) -> Answer {
    let known = srs.digest() == CEREMONY_DIGEST;
    let note = match srs.origin() {
        Origin::DevInsecure => "\nINSECURE: for development only; refused on every chain but 31337 and 1337",
        Origin::Ceremony if known => "\nfrom the Perpetual Powers of Tau ceremony",
        Origin::Ceremony => "",
    };
    Answer::new(
        format!("{what}: {}\nk {}, origin {}, digest {}{note}", path.display(), srs.k(), srs.origin(), srs.digest()),
        json!({
            "file": path, "k": srs.k(), "origin": srs.origin(), "digest": srs.digest().to_string(),
            "insecure": srs.origin() == Origin::DevInsecure,
        }),
    )
}
