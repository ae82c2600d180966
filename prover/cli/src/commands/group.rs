//! `zkpoc round share|reveal|dispute|bond`: the steps of a masked claim in its group.

use std::path::PathBuf;

use clap::Args;
use serde_json::{json, Value};

use crate::args::ChainArgs;
use crate::args::{round_number, source};
use crate::error::Error;
use crate::session::load;
use crate::{Answer, Session};
use zkpoc_client::chain::signer;
use zkpoc_client::contribute::masked::{default_confirmations, Allowed, Taken};

/// Arguments of the steps of a masked claim.
#[derive(Debug, Args)]
pub struct GroupArgs {
    /// Name of the dataset in the home.
    name: String,
    /// The profile, if it is one of your own: its TOML file.
    #[arg(long)]
    profile: Option<String>,
    /// The exchange, where shares and complaints are published: a folder, or the URL of `zkpoc round serve`.
    #[arg(long, alias = "shares", value_name = "DIR|URL")]
    exchange: Option<String>,
    /// Number of the round [default: the current one].
    #[arg(long)]
    round: Option<u64>,
    /// Blocks after which nothing on chain is taken to be undone [default: 32; 1 on a development chain].
    #[arg(long, value_name = "BLOCKS")]
    confirmations: Option<u64>,
    /// Reference string [default: the one in the home].
    #[arg(long, value_name = "FILE")]
    srs: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
}

impl GroupArgs {
    /// Fixes the groups, posts, publishes: whatever can be done now.
    pub fn share(&self, session: &Session) -> Result<Answer, Error> {
        if self.exchange.is_none() {
            return Err(Error::Usage("expected --exchange: where shares are published".into()));
        }
        self.advance(session, Allowed { share: true, ..Allowed::NONE })
    }

    /// Reveals seeds.
    pub fn reveal(&self, session: &Session) -> Result<Answer, Error> {
        self.advance(session, Allowed { reveal: true, ..Allowed::NONE })
    }

    /// Disputes.
    pub fn dispute(&self, session: &Session) -> Result<Answer, Error> {
        self.advance(session, Allowed { dispute: true, costly: true, ..Allowed::NONE })
    }

    /// Takes the bond back.
    pub fn bond(&self, session: &Session) -> Result<Answer, Error> {
        self.advance(session, Allowed { withdraw: true, ..Allowed::NONE })
    }

    fn advance(&self, session: &Session, allowed: Allowed) -> Result<Answer, Error> {
        let (profile, dataset) = load(session, &self.name, self.profile.as_deref())?;
        let mut phases = session.phases();
        let key = signer::require(self.chain.keystore.as_deref())?;
        let opened = self.chain.open(session, profile, self.srs.as_deref())?;
        let (client, view) = (&opened.client, opened.view()?);
        let site = opened.site(&view);
        let exchange = self.exchange.as_deref().map(|text| source(&opened.profile, text)).transpose()?;
        let round = round_number(&view, self.round)?;
        let member = site.member(&dataset, round)?;
        let confirmations = self.confirmations.unwrap_or_else(|| default_confirmations(client.chain_id()));
        let how = (allowed, confirmations);
        let (taken, next) =
            site.advance_member(&member, exchange.as_ref(), Some(&key), how, &mut |phase| phases.start(phase))?;
        drop(phases);
        let lines: Vec<String> = taken.iter().map(taken_text).collect();
        let nothing = if taken.is_empty() { "nothing to do now\n".to_owned() } else { lines.join("\n") + "\n" };
        let json = json!({
            "round": round, "number": member.number, "taken": taken.iter().map(taken_json).collect::<Vec<_>>(),
            "next": next.to_string(), "gas_used": taken.iter().map(|taken| taken.gas).sum::<u64>(),
        });
        Ok(Answer::new(format!("{nothing}next: {next}"), json))
    }
}

/// A step that was taken, for people.
pub(super) fn taken_text(taken: &Taken) -> String {
    match taken.gas {
        0 => taken.text.clone(),
        gas => format!("{}; {gas} gas", taken.text),
    }
}

/// A step that was taken, for machines.
pub(super) fn taken_json(taken: &Taken) -> Value {
    let (expand, total) = taken.masks_ms.unzip();
    json!({ "step": taken.step, "text": taken.text, "gas_used": taken.gas, "mask_ms": expand, "masks_and_commitments_ms": total })
}
