//! Which sum an update was promised to: written before its share's hash is posted, and never taken back.
//!
//! One update (the exact integers, whatever its blinding, dataset or claim) is promised to one roster. Another one is refused
//! for good, unless the share of the first is never published any more and **barred**: its member posted nothing in time, so
//! its masks are public; or fewer than three posted, so nobody publishes.
//!
//! # Files
//! `shares/{update}-{roster}.json` in the home, for the owner alone: `{update}` are 16 bytes of
//! `SHA-256("zkpoc.update.v1" || profile id || model id || integers)`, `{roster}` is the roster's hash.
//!
//! # Why this is durable
//! The file is there before the transaction is sent. Beyond this machine, after a restored backup or on a second device, the
//! contract takes one post of a nullifier ever, and a post fixes the share's bytes: commitments bind.
//!
//! # Errors
//! [`AggregationError::Promised`], [`AggregationError::Barred`], files.

use std::path::{Path, PathBuf};

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zkpoc_circuits::reference::Update;

use crate::aggregation::AggregationError;
use crate::formats::{json, FormatError};
use crate::home::{Home, HomeLock};
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::Overwrite;

const FORMAT: &str = "zkpoc-promise";
const VERSION: u32 = 1;
const LIMIT: u64 = 4 * 1024;

/// In place of a roster: the update was handed over by a plain claim.
pub const OPEN: B256 = B256::ZERO;

/// Names an update by its integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpdateKey([u8; 16]);

impl UpdateKey {
    /// The key of the step of a model that gave `update`.
    pub fn of(profile_id: B256, model_id: B256, update: &Update) -> Self {
        let mut hash = Sha256::new().chain_update(b"zkpoc.update.v1").chain_update(profile_id).chain_update(model_id);
        for value in update.layers.iter().flat_map(|layer| layer.weights.iter().chain(&layer.bias)) {
            hash.update(value.to_be_bytes());
        }
        let mut key = [0; 16];
        key.copy_from_slice(&hash.finalize()[..16]);
        Self(key)
    }
}

/// How far a promise went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Its hash may be on chain; the share may be published once it is.
    Promised,
    /// The share may be known to everyone.
    Published,
    /// The share must never be published.
    Barred,
}

/// What an update was promised to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promise {
    format: String,
    version: u32,
    /// The chain.
    pub chain_id: u64,
    /// The contract of rosters and shares.
    pub contract: Address,
    /// The round.
    pub round: u64,
    /// The claim.
    pub number: u64,
    /// The claimant.
    pub account: Address,
    /// Hash of the roster.
    pub roster: B256,
    /// How far it went.
    pub stage: Stage,
}

impl Promise {
    /// A fresh promise.
    pub fn new(chain_id: u64, contract: Address, round: u64, number: u64, account: Address, roster: B256) -> Self {
        let format = FORMAT.into();
        Self { format, version: VERSION, chain_id, contract, round, number, account, roster, stage: Stage::Promised }
    }

    fn is_of_same_claim(&self, other: &Self) -> bool {
        let of = |promise: &Self| (promise.chain_id, promise.contract, promise.round, promise.number, promise.account);
        of(self) == of(other)
    }

    fn refusal(&self) -> AggregationError {
        AggregationError::Promised {
            account: self.account,
            number: self.number,
            round: self.round,
            contract: self.contract,
            roster: self.roster,
        }
    }
}

/// The promises in a home.
#[derive(Clone, Debug)]
pub struct Journal {
    folder: PathBuf,
}

impl Journal {
    /// The journal of a home.
    pub fn of(home: &Home) -> Result<Self, AggregationError> {
        let folder = home.root().join("shares");
        fsio::create_secret_dir(&folder)?;
        Ok(Self { folder })
    }

    /// Whether an update may still be promised to something else than `roster`: refuses one that is bound.
    pub fn check_free(&self, key: &UpdateKey, roster: Option<B256>) -> Result<(), AggregationError> {
        for promise in self.promises(key)? {
            if promise.stage != Stage::Barred && Some(promise.roster) != roster {
                return Err(promise.refusal());
            }
        }
        Ok(())
    }

    /// Promises an update, before anything is posted. Doing it again for the same roster is fine.
    pub fn promise(&self, _lock: &HomeLock, key: &UpdateKey, promise: &Promise) -> Result<(), AggregationError> {
        for earlier in self.promises(key)? {
            // Another roster of the same claim: a reorganisation drew the groups anew before anything was published.
            if earlier.is_of_same_claim(promise) && earlier.stage == Stage::Promised && earlier.roster != promise.roster
            {
                self.write(key, &Promise { stage: Stage::Barred, ..earlier }, Overwrite::Replace)?;
            }
        }
        self.check_free(key, Some(promise.roster))?;
        match self.find(key, promise.roster)? {
            Some(found) if found.stage == Stage::Barred => {
                Err(AggregationError::Barred { round: found.round, number: found.number })
            }
            Some(found) if Promise { stage: Stage::Promised, ..found.clone() } == *promise => Ok(()),
            Some(found) => Err(found.refusal()),
            None => self.write(key, promise, Overwrite::Refuse),
        }
    }

    /// Notes that the share is published now, before it is; refuses one that is barred, or an update that is bound elsewhere.
    pub fn publish(&self, _lock: &HomeLock, key: &UpdateKey, promise: &Promise) -> Result<(), AggregationError> {
        self.check_free(key, Some(promise.roster))?;
        match self.find(key, promise.roster)? {
            Some(found) if found.stage == Stage::Published => Ok(()),
            Some(found) if found.stage == Stage::Promised => {
                self.write(key, &Promise { stage: Stage::Published, ..found }, Overwrite::Replace)
            }
            // The journal was lost after the post. Nothing else is bound, and the caller has compared the share with the posted one,
            // which is the only one there can be.
            None => self.write(key, &Promise { stage: Stage::Published, ..promise.clone() }, Overwrite::Refuse),
            Some(found) => Err(AggregationError::Barred { round: found.round, number: found.number }),
        }
    }

    /// Notes that the share must never be published. A share that was published stays so.
    pub fn bar(&self, _lock: &HomeLock, key: &UpdateKey, promise: &Promise) -> Result<(), AggregationError> {
        match self.find(key, promise.roster)? {
            Some(found) if found.stage == Stage::Published => Err(found.refusal()),
            _ => self.write(key, &Promise { stage: Stage::Barred, ..promise.clone() }, Overwrite::Replace),
        }
    }

    /// Notes that an update was or will be handed over by a plain claim: it cannot be in a masked sum any more.
    pub fn disclose(&self, _lock: &HomeLock, key: &UpdateKey, promise: &Promise) -> Result<(), AggregationError> {
        self.check_free(key, Some(OPEN))?;
        let disclosed = Promise { stage: Stage::Published, roster: OPEN, ..promise.clone() };
        self.write(key, &disclosed, Overwrite::Replace)
    }

    /// How far the promise of an update to a roster went.
    pub fn stage(&self, key: &UpdateKey, roster: B256) -> Result<Option<Stage>, AggregationError> {
        Ok(self.find(key, roster)?.map(|promise| promise.stage))
    }

    fn find(&self, key: &UpdateKey, roster: B256) -> Result<Option<Promise>, AggregationError> {
        Ok(self.promises(key)?.into_iter().find(|promise| promise.roster == roster))
    }

    fn promises(&self, key: &UpdateKey) -> Result<Vec<Promise>, AggregationError> {
        let prefix = format!("{}-", hex::encode(key.0));
        let io = |source| fsio::FsError::Io { action: "list", path: self.folder.clone(), source };
        let mut out = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix)) {
                out.push(read(&path)?);
            }
        }
        Ok(out)
    }

    fn write(&self, key: &UpdateKey, promise: &Promise, overwrite: Overwrite) -> Result<(), AggregationError> {
        let name = format!("{}-{}.json", hex::encode(key.0), hex::encode(promise.roster));
        Ok(fsio::write_secret(&self.folder.join(name), &json::write(promise), overwrite)?)
    }
}

/// A promise that cannot be read is an error, never no promise.
fn read(path: &Path) -> Result<Promise, AggregationError> {
    let wrong = |source| AggregationError::Format {
        origin: path.display().to_string(),
        source: Box::<FormatError>::new(source),
    };
    let text = fsio::read_secret(path, LIMIT)?;
    let promise: Promise = json::read("promise", &text, LIMIT as usize).map_err(wrong)?;
    json::check_header((&promise.format, promise.version), (FORMAT, VERSION)).map_err(wrong)?;
    Ok(promise)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;
    use zkpoc_circuits::profile::Profile;

    fn home() -> (TempDir, Home) {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::open(Some(&folder.path().join("home"))).expect("a home");
        (folder, home)
    }

    fn key(byte: u8) -> UpdateKey {
        UpdateKey([byte; 16])
    }

    fn promise(round: u64, roster: u8) -> Promise {
        Promise::new(31337, Address::repeat_byte(1), round, 2, Address::repeat_byte(3), B256::repeat_byte(roster))
    }

    #[test]
    fn an_update_is_promised_once() {
        let (_folder, home) = home();
        let (journal, lock) = (Journal::of(&home).expect("a journal"), home.lock().expect("a lock"));
        journal.check_free(&key(1), None).expect("free");
        journal.promise(&lock, &key(1), &promise(1, 1)).expect("promised");
        journal.promise(&lock, &key(1), &promise(1, 1)).expect("again after a crash");
        let bound = |answer| assert!(matches!(answer, Err(AggregationError::Promised { round: 1, .. })), "{answer:?}");
        bound(journal.check_free(&key(1), None));
        bound(journal.promise(&lock, &key(1), &promise(2, 2)));
        bound(journal.publish(&lock, &key(1), &promise(2, 2)));
        journal.promise(&lock, &key(2), &promise(2, 2)).expect("another update");
        // A crash between the two steps, then a second run.
        journal.publish(&lock, &key(1), &promise(1, 1)).expect("published");
        journal.publish(&lock, &key(1), &promise(1, 1)).expect("published again");
        bound(journal.bar(&lock, &key(1), &promise(1, 1)));
        bound(journal.promise(&lock, &key(1), &promise(3, 3)));
    }

    #[test]
    fn a_barred_share_is_never_published_and_frees_its_update() {
        let (_folder, home) = home();
        let (journal, lock) = (Journal::of(&home).expect("a journal"), home.lock().expect("a lock"));
        journal.promise(&lock, &key(1), &promise(1, 1)).expect("promised");
        journal.bar(&lock, &key(1), &promise(1, 1)).expect("barred");
        let barred = |answer| assert!(matches!(answer, Err(AggregationError::Barred { .. })), "{answer:?}");
        barred(journal.publish(&lock, &key(1), &promise(1, 1)));
        barred(journal.promise(&lock, &key(1), &promise(1, 1)));
        journal.promise(&lock, &key(1), &promise(2, 2)).expect("promised to another sum");
        journal.publish(&lock, &key(1), &promise(2, 2)).expect("published there");
        assert_eq!(journal.stage(&key(1), B256::repeat_byte(1)).expect("a stage"), Some(Stage::Barred));
    }

    #[test]
    fn a_lost_journal_binds_again_when_the_posted_share_is_published() {
        let (_folder, home) = home();
        let (journal, lock) = (Journal::of(&home).expect("a journal"), home.lock().expect("a lock"));
        journal.publish(&lock, &key(1), &promise(1, 1)).expect("the posted share");
        let answer = journal.promise(&lock, &key(1), &promise(2, 2));
        assert!(matches!(answer, Err(AggregationError::Promised { round: 1, .. })), "{answer:?}");
    }

    #[test]
    fn a_roster_that_was_drawn_anew_takes_the_place_of_the_first() {
        let (_folder, home) = home();
        let (journal, lock) = (Journal::of(&home).expect("a journal"), home.lock().expect("a lock"));
        journal.promise(&lock, &key(1), &promise(1, 1)).expect("promised");
        journal.promise(&lock, &key(1), &promise(1, 2)).expect("promised to the roster that counts");
        assert_eq!(journal.stage(&key(1), B256::repeat_byte(1)).expect("a stage"), Some(Stage::Barred));
        journal.publish(&lock, &key(1), &promise(1, 2)).expect("published");
        // Once it is published, no other roster of the claim takes its place.
        let answer = journal.promise(&lock, &key(1), &promise(1, 3));
        assert!(matches!(answer, Err(AggregationError::Promised { .. })), "{answer:?}");
    }

    #[test]
    fn an_update_that_was_handed_over_is_in_no_masked_sum() {
        let (_folder, home) = home();
        let (journal, lock) = (Journal::of(&home).expect("a journal"), home.lock().expect("a lock"));
        journal.disclose(&lock, &key(1), &promise(1, 0)).expect("handed over");
        journal.disclose(&lock, &key(1), &promise(2, 0)).expect("handed over again");
        let answer = journal.promise(&lock, &key(1), &promise(3, 1));
        assert!(matches!(answer, Err(AggregationError::Promised { .. })), "{answer:?}");
        // And the other way round.
        journal.promise(&lock, &key(2), &promise(1, 1)).expect("promised");
        let answer = journal.disclose(&lock, &key(2), &promise(2, 0));
        assert!(matches!(answer, Err(AggregationError::Promised { .. })), "{answer:?}");
    }

    #[test]
    fn a_damaged_promise_binds() {
        let (_folder, home) = home();
        let (journal, lock) = (Journal::of(&home).expect("a journal"), home.lock().expect("a lock"));
        journal.promise(&lock, &key(1), &promise(1, 1)).expect("promised");
        let file =
            std::fs::read_dir(&journal.folder).expect("a folder").next().expect("a file").expect("a file").path();
        for text in [&b"{"[..], b"", b"{\"format\":\"zkpoc-promise\",\"version\":9}"] {
            std::fs::write(&file, text).expect("written");
            let answer = journal.promise(&lock, &key(1), &promise(2, 2));
            assert!(matches!(answer, Err(AggregationError::Format { .. })), "{answer:?}");
        }
    }

    #[test]
    fn the_key_is_that_of_the_integers() {
        let profile = Profile::builtin("toy").expect("a profile");
        let (mut update, model) = (Update::zero(&profile), B256::repeat_byte(1));
        let of = |update: &Update, model| UpdateKey::of(B256::new(profile.id()), model, update);
        let first = of(&update, model);
        assert_eq!(first, of(&update, model));
        assert_ne!(first, of(&update, B256::ZERO));
        update.layers[0].weights[0] = 1;
        assert_ne!(first, of(&update, model));
    }
}
