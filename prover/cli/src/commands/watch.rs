//! `zkpoc round watch`: a pool's events, with the proofs of rounds verified again; with `--drive` a contributor's part in every
//! round, too.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use alloy::signers::local::PrivateKeySigner;
use clap::Args;
use serde_json::json;
use zkpoc_circuits::profile::Profile;

use crate::args::source;
use crate::args::ChainArgs;
use crate::commands::group::{taken_json, taken_text};
use crate::error::Error;
use crate::session::load;
use crate::{Answer, Session};
use zkpoc_client::chain::signer;
use zkpoc_client::contracts_gen::ProfileKeys;
use zkpoc_client::contribute::masked::{default_confirmations, Driver, Taken};
use zkpoc_client::exchange::Source;
use zkpoc_client::home::Dataset;
use zkpoc_client::watch::{Seen, Watcher};

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
    /// Also take part with this dataset of the home, unattended: seal, claim, post, publish, reveal, dispute, acknowledge, settle, take
    /// the bond back.
    #[arg(long, value_name = "NAME", requires = "exchange")]
    drive: Option<String>,
    /// The exchange of models, shares, acknowledgements and complaints: a folder, or the URL of `zkpoc round serve`.
    #[arg(long, value_name = "DIR|URL", requires = "drive")]
    exchange: Option<String>,
    /// Also carry disputes on chain that take proofs of masks: some 25 million gas for a column of 50,000 cells, and nobody pays
    /// it back. Without it a group that is spoiled so is void, but who spoiled it keeps the bond.
    #[arg(long, requires = "drive")]
    dispute: bool,
    /// Drive plain claims: their openings go to the exchange, and **whoever reads one can compute the shard from it**.
    #[arg(long, alias = "open", requires = "drive")]
    plain: bool,
    /// Blocks after which nothing on chain is taken to be undone [default: 32; 1 on a development chain].
    #[arg(long, value_name = "BLOCKS", requires = "drive")]
    confirmations: Option<u64>,
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
        let opened = self.chain.open_to_look(session, profile, self.srs.as_deref())?;
        let (profile, srs, client, pool) = (&opened.profile, &opened.srs, &opened.client, &opened.pool);
        let view = opened.view()?;
        let keys = ProfileKeys::load(&session.keys()?, profile, srs)?;
        let watcher = Watcher::new(&view, profile, srs, &keys)?;
        let participant = self.drive.as_deref().map(|name| self.participant(session, name, profile)).transpose()?;
        let site = opened.site(&view);
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
            if let Some(participant) = &participant {
                let driver = participant.driver(self, client.chain_id());
                let (taken, failed) = site.drive(&driver, &mut |_| {});
                taken.iter().for_each(|taken| tell_taken(session, taken));
                for error in failed {
                    // The next look may find it mended: a node that was away, a server that was down.
                    match self.once {
                        false => tracing::warn!(%error, "a step was not taken this time"),
                        true => return Err(error.into()),
                    }
                }
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

/// Who is driven.
#[derive(Debug)]
struct Participant {
    dataset: Dataset,
    exchange: Source,
    signer: PrivateKeySigner,
}

impl Participant {
    fn driver(&self, args: &WatchArgs, chain_id: u64) -> Driver<'_> {
        Driver {
            dataset: &self.dataset,
            source: &self.exchange,
            signer: &self.signer,
            masked: !args.plain,
            costly: args.dispute,
            confirmations: args.confirmations.unwrap_or_else(|| default_confirmations(chain_id)),
        }
    }
}

impl WatchArgs {
    fn participant(&self, session: &Session, name: &str, profile: &Profile) -> Result<Participant, Error> {
        let exchange = self.exchange.as_deref().unwrap_or_default();
        let (_, dataset) = load(session, name, Some(&self.profile))?;
        let signer = signer::require(self.chain.keystore.as_deref())?;
        Ok(Participant { dataset, exchange: source(profile, exchange)?, signer })
    }
}

fn tell_taken(session: &Session, taken: &Taken) {
    let mut out = std::io::stdout();
    let _told = match session.json() {
        true => writeln!(out, "{}", taken_json(taken)),
        false => writeln!(out, "  >> {}", taken_text(taken)),
    };
    let _told = out.flush();
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
