//! `zkpoc round claim --prepare` and `--batch`: a claim is prepared by one account and sent by another, with others.

use std::path::{Path, PathBuf};

use alloy::sol_types::SolEvent;
use serde_json::{json, Value};
use zkpoc_contracts::bindings::ContributionRounds;

use crate::args::{outcome_json, outcome_text, ChainArgs, SendArgs};
use crate::error::Error;
use crate::{Answer, Session};
use zkpoc_client::chain::{Outcome, PoolClient, Revert};
use zkpoc_client::contribute::{Prepared, Site};
use zkpoc_client::formats::claim::{ClaimFile, LIMIT};
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::Overwrite;

/// Writes a prepared claim for whoever sends it.
pub fn write(site: &Site<'_>, prepared: &Prepared, path: &Path) -> Result<Answer, Error> {
    let file = ClaimFile {
        profile: site.profile.name.clone(),
        profile_id: site.profile.id().into(),
        chain_id: site.pool.client().chain_id(),
        rounds: site.pool.rounds()?,
        claim: prepared.claim.clone(),
    };
    fsio::write(path, &file.to_json(), Overwrite::Refuse)?;
    let text = format!("shard {}: the claim is in {}; nothing was sent", prepared.index, path.display());
    Ok(Answer::new(text, json!({ "file": path, "index": prepared.index, "stored": prepared.stored })))
}

/// Sends the claims of some files in one transaction. Those that do not hold are left out, and said.
pub fn send(
    session: &Session,
    profile: Option<&str>,
    files: &[PathBuf],
    chain: &ChainArgs,
    send: &SendArgs,
) -> Result<Answer, Error> {
    let read = |path: &PathBuf| ClaimFile::from_json(&fsio::read(path, LIMIT)?).map_err(Error::format(path));
    let claims = files.iter().map(read).collect::<Result<Vec<_>, Error>>()?;
    let first = claims.first().ok_or_else(|| Error::Usage("expected a file after --batch".into()))?;
    let profile = session.profile(profile.unwrap_or(&first.profile))?;
    let client = chain.sender()?;
    let pool = chain.pool(&client, &profile)?;
    let view = PoolClient::unchecked(&client, &pool)?;
    let here = (profile.id().into(), client.chain_id(), view.rounds()?);
    for (claim, path) in claims.iter().zip(files) {
        let there = (claim.profile_id, claim.chain_id, claim.rounds);
        if here != there {
            let words = |(profile, chain, rounds)| format!("profile {profile}, chain {chain}, contract {rounds}");
            return Err(Error::Mismatch {
                what: format!("what the claim in {} is for", path.display()),
                expected: words(here),
                found: words(there),
                hint: "send it to its own pool".into(),
            });
        }
    }
    let count = claims.len();
    let outcome = view.claim_many(claims.into_iter().map(|file| file.claim).collect(), send.mode())?;
    let refused = refused(&outcome, files);
    let lines: String = refused.iter().map(|(path, error)| format!("\nrefused: {}: {error}", path.display())).collect();
    let more = json!({
        "claims": count, "accepted": outcome.receipt().map(|_| count - refused.len()),
        "refused": refused.iter().map(|(path, error)| json!({ "file": path, "error": error })).collect::<Vec<Value>>(),
    });
    let text = match outcome.receipt() {
        Some(_) => format!("{} of {count} claims accepted{lines}\n{}", count - refused.len(), outcome_text(&outcome)),
        None => outcome_text(&outcome),
    };
    Ok(Answer::new(text, outcome_json(&outcome, more)))
}

/// The files whose claims the contract left out, and why.
fn refused<'a>(outcome: &Outcome, files: &'a [PathBuf]) -> Vec<(&'a PathBuf, String)> {
    let logs = outcome.receipt().map(|receipt| &receipt.logs[..]).unwrap_or_default();
    let events = logs.iter().filter_map(|log| ContributionRounds::ClaimRefused::decode_log(&log.inner).ok());
    let told = events.filter_map(|event| {
        let place = usize::try_from(event.place).ok()?;
        Some((files.get(place)?, Revert::decode(&event.reason).to_string()))
    });
    told.collect()
}
