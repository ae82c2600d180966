//! The command line `zkpoc`: thin over `zkpoc-client` and `zkpoc-prover`, one file for each command.
//!
//! # Map
//! | module | content |
//! |---|---|
//! | [`commands`] | the commands: arguments of each, and what it does with them |
//! | [`session`] | what all share: home, profiles by name or file, reference strings, key cache |
//! | [`args`] | what those that talk with a chain share: node, key, deployment file, the round's model, transactions in words |
//! | [`source`] | where records come from |
//! | [`error`] | every error, its exit code, and the command or flag that helps |
//! | [`answer`] | what a command answers, for people and for machines |
//! | [`demo`] | the whole path on a local chain, with a report |
//! | [`mod@bench`], [`metrics`] | measurements: floor, shapes, growth; the yardstick |
//! | [`layout`] | costs of a layout, the search for a better one, its picture |
//! | [`float`] | the same network in floating point, to compare with |
//!
//! # How a command runs
//! A command returns an [`Answer`], which is printed for people or, with `--json`, as one JSON object
//! on standard output. Notices, logs and progress go to standard error. Errors are mapped to exit
//! codes in [`crate::error`]; with `--json` they are an object `{"error", "exit_code"}` as well.
//!
//! To add a command: a file with its arguments and `run`, and a variant of `Command`.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(unused_crate_dependencies))]

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde_json::json;

use crate::error::Error;

pub mod answer;
pub mod args;
pub mod bench;
pub mod commands;
pub mod demo;
pub mod error;
pub mod float;
pub mod layout;
mod markup;
pub mod metrics;
mod progress;
pub mod session;
pub mod source;

pub use answer::Answer;
pub use session::{Global, Session};

/// Train on data that never leaves your machine, and prove it.
#[derive(Debug, Parser)]
#[command(name = "zkpoc", version, about, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole path on a local chain: private records become a minted reward.
    Demo(commands::demo::DemoArgs),
    /// Make, import or check a structured reference string.
    #[command(subcommand)]
    Srs(commands::srs::SrsCommand),
    /// Commit to records, check, back up and restore what was committed.
    #[command(subcommand)]
    Dataset(commands::dataset::DatasetCommand),
    /// Show what a profile means: shapes, bounds, layout, estimated costs.
    Inspect(commands::inspect::InspectArgs),
    /// Make the proving and verifying keys of a profile, or show those at hand.
    Keys(commands::keys::KeysArgs),
    /// Train a model natively, with the arithmetic that the circuits prove.
    Train(commands::train::TrainArgs),
    /// Measure a model, and training in fixed point against floating point.
    Eval(commands::eval::EvalArgs),
    /// Prove a training step, or a shard's validity.
    #[command(subcommand)]
    Prove(commands::prove::ProveCommand),
    /// Verify a proof as strictly as the contracts.
    Verify(commands::verify::VerifyArgs),
    /// Generate, deploy and compare the contracts of a profile.
    #[command(subcommand)]
    Contracts(commands::contracts::ContractsCommand),
    /// Open rounds, claim in them, finalize and settle them, follow them.
    #[command(subcommand)]
    Round(commands::round::RoundCommand),
    /// Let a pool of Vana's pay on proofs, and be paid by one.
    #[command(subcommand)]
    Vana(commands::vana::VanaCommand),
    /// Measure proofs: their floor, whole runs, how they grow.
    #[command(subcommand)]
    Bench(commands::bench::BenchCommand),
    /// Stop a pool for good, by evidence that its proofs mean nothing.
    #[command(subcommand)]
    Stop(commands::stop::StopCommand),
}

impl Command {
    fn run(&self, session: &Session) -> Result<Answer, Error> {
        match self {
            Self::Demo(args) => args.run(session),
            Self::Srs(command) => command.run(session),
            Self::Contracts(command) => command.run(session),
            Self::Round(command) => command.run(session),
            Self::Stop(command) => command.run(session),
            Self::Dataset(command) => command.run(session),
            Self::Inspect(args) => args.run(session),
            Self::Keys(args) => args.run(session),
            Self::Train(args) => args.run(session),
            Self::Eval(args) => args.run(session),
            Self::Prove(command) => command.run(session),
            Self::Verify(args) => args.run(session),
            Self::Vana(command) => command.run(session),
            Self::Bench(command) => command.run(session),
        }
    }
}

/// Runs the command of this process.
pub fn main() -> ExitCode {
    run(std::env::args_os())
}

/// Runs a command line, the program's name first.
pub fn run<I, T>(arguments: I) -> ExitCode
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, the rest is a wrong usage; clap's own code for that is 2.
            let _printed = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    log_to_stderr(cli.global.verbose);
    let json = cli.global.json;
    let answer = Session::new(cli.global).and_then(|session| cli.command.run(&session));
    match answer {
        Ok(answer) => {
            let text = if json { answer.json.to_string() } else { answer.text };
            // Whoever closed the pipe has seen enough.
            let _written = writeln!(std::io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let (code, text) = (error.exit_code(), plain(&error.text()));
            if json {
                let object = json!({ "error": text, "exit_code": code });
                let _written = writeln!(std::io::stdout(), "{object}");
            }
            let _written = writeln!(std::io::stderr(), "error: {}", text);
            ExitCode::from(code)
        }
    }
}

/// An error's text for a terminal. Parts of it can come from a file or a server: control characters are shown as escapes,
/// so that they move and colour nothing, and lines are cut where nobody reads on.
fn plain(text: &str) -> String {
    const LINE: usize = 2000;
    let escaped = |line: &str| -> String {
        let characters = line.chars().take(LINE).map(|c| match c.is_control() && c != '\t' {
            true => c.escape_unicode().to_string(),
            false => c.to_string(),
        });
        let end = if line.chars().nth(LINE).is_some() { "..." } else { "" };
        characters.chain([end.to_owned()]).collect()
    };
    text.lines().map(escaped).collect::<Vec<_>>().join("\n")
}

fn log_to_stderr(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "zkpoc_cli=info,zkpoc_client=info,zkpoc_prover=info,zkpoc_engine=info,zkpoc_contracts=info,warn",
        2 => "zkpoc_cli=debug,zkpoc_client=debug,zkpoc_prover=debug,zkpoc_engine=debug,zkpoc_contracts=debug,info",
        _ => "trace",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("ZKPOC_LOG").unwrap_or_else(|_| level.into());
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    // A second command of one process, as in tests, keeps the first one's.
    let _first = subscriber.try_init();
}
