//! `zkpoc round watch`: a pool's events, with every proof verified again.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::chain::{checked, ChainArgs};
use super::{Answer, Session};
use crate::contracts_gen::ProfileKeys;
use crate::error::Error;
use crate::watch::{Seen, Watcher};

/// Arguments of `round watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// The profile.
    profile: String,
    /// First block to look at [default: the one the pool was deployed in].
    #[arg(long, value_name = "BLOCK")]
    from_block: Option<u64>,
    /// Stop at the latest block instead of waiting for more.
    #[arg(long)]
    once: bool,
    /// Seconds between two looks.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    interval: u64,
    /// Reference string [default: the one in the home].
    #[arg(long, value_name = "FILE")]
    srs: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
}

impl WatchArgs {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        let profile = session.profile(&self.profile)?;
        let srs = session.srs(self.srs.as_deref(), profile.k)?;
        let client = self.chain.viewer()?;
        let pool = self.chain.pool(&client, &profile)?;
        let view = checked(&client, &pool, &profile, &srs)?;
        let keys = ProfileKeys::load(&session.keys()?, &profile, &srs)?;
        let watcher = Watcher::new(&view, &profile, &srs, &keys)?;
        let (mut next, mut verified, mut bad) = (self.from_block.unwrap_or(pool.block), 0u64, 0u64);
        loop {
            let latest = client.block_number()?;
            if next <= latest {
                for seen in watcher.see(next, latest)? {
                    match seen.verified {
                        Some(true) => verified += 1,
                        Some(false) => bad += 1,
                        None => {}
                    }
                    tell(session, &seen);
                }
                next = latest + 1;
            }
            if self.once {
                break;
            }
            std::thread::sleep(Duration::from_secs(self.interval));
        }
        if bad > 0 {
            return Err(Error::Watch { bad });
        }
        let text = format!("{verified} proofs verified again, up to block {}", next.saturating_sub(1));
        Ok(Answer::new(text, json!({ "verified": verified, "bad": bad, "block": next.saturating_sub(1) })))
    }
}

fn tell(session: &Session, seen: &Seen) {
    let mut out = std::io::stdout();
    // Whoever closed the pipe has seen enough.
    let _told = match session.json() {
        true => writeln!(out, "{}", json!(seen)),
        false => {
            let mark = match seen.verified {
                Some(true) => "ok  ",
                Some(false) => "BAD ",
                None => "    ",
            };
            writeln!(out, "{mark}block {:>6}  round {:>3}  {:<19} {}", seen.block, seen.round, seen.event, seen.text)
        }
    };
    let _told = out.flush();
}
