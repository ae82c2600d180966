//! A contributor without anybody at the keyboard: from a round's beacon to its payment and the bond's return, step by step as
//! the chain allows.
//!
//! [`Site::advance_member`] takes the steps of one member's group; [`Site::drive`] adds what comes before and after: sealing,
//! claiming, acknowledging the next model, settling. Both look, do what can be done now, and return what they did; whoever calls
//! them waits for the next block in between.

use alloy::primitives::{B256, U256};
use alloy::signers::local::PrivateKeySigner;
use zkpoc_contracts::bindings::RoundStatus;

use super::super::{is_refusal, model_id, ContributeError, Progress, Site};
use super::{Accusation, Member, Standing};
use crate::aggregation::state::Step;
use crate::chain::{ChainError, Mode, Outcome};
use crate::exchange::acknowledgement::Acknowledgement;
use crate::exchange::{Item, OpeningError, Source};
use crate::home::Dataset;
use zkpoc_prover::measure::milliseconds;

/// What was done, in words and for a machine.
#[derive(Debug)]
pub struct Taken {
    /// Name of the step.
    pub step: &'static str,
    /// What came of it.
    pub text: String,
    /// Gas of its transactions.
    pub gas: u64,
    /// Milliseconds of work for masks (their expansion) and for masks with commitments.
    pub masks_ms: Option<(f64, f64)>,
}

impl Taken {
    fn new(step: &'static str, text: String) -> Self {
        Self { step, text, gas: 0, masks_ms: None }
    }

    fn sent(step: &'static str, text: String, outcomes: &[Outcome]) -> Self {
        Self { gas: outcomes.iter().map(Outcome::gas).sum(), ..Self::new(step, text) }
    }
}

/// Which steps may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Fixing the groups, posting, publishing.
    pub share: bool,
    /// Revealing seeds.
    pub reveal: bool,
    /// Complaints, and faults that the chain shows by itself.
    pub dispute: bool,
    /// Also disputes that take proofs of masks: some 25 million gas for a column of 50,000 cells, and nobody pays it back.
    pub costly: bool,
    /// Taking the bond back.
    pub withdraw: bool,
}

impl Allowed {
    /// None of them.
    pub const NONE: Self = Self { share: false, reveal: false, dispute: false, costly: false, withdraw: false };
}

/// What a contributor is driven with.
#[derive(Clone, Copy, Debug)]
pub struct Driver<'a> {
    /// The contributor's dataset.
    pub dataset: &'a Dataset,
    /// Where models, shares, acknowledgements and complaints are exchanged.
    pub source: &'a Source,
    /// The contributor's key, to sign acknowledgements and complaints.
    pub signer: &'a PrivateKeySigner,
    /// Whether claims are masked.
    pub masked: bool,
    /// Whether disputes that take proofs of masks are carried on chain.
    pub costly: bool,
    /// Blocks after which nothing is undone.
    pub confirmations: u64,
}

/// Rounds before the current one whose disputes and bonds are looked after.
const EARLIER_ROUNDS: u64 = 8;

/// The mined transaction, or nothing if another account was faster.
fn unless_done(answer: Result<Outcome, ContributeError>, name: &str) -> Result<Vec<Outcome>, ContributeError> {
    match answer {
        Ok(outcome) => Ok(vec![outcome]),
        Err(ContributeError::Chain(error)) if is_refusal(&error, name) || is_failed(&error) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Mined and failed: the state changed under way.
fn is_failed(error: &ChainError) -> bool {
    matches!(error, ChainError::Failed { .. })
}

impl Site<'_> {
    /// Takes all steps of a member that can be taken now; gives them, and the one that comes next.
    pub fn advance_member(
        &self,
        member: &Member,
        source: Option<&Source>,
        signer: Option<&PrivateKeySigner>,
        (allowed, confirmations): (Allowed, u64),
        progress: Progress<'_>,
    ) -> Result<(Vec<Taken>, Step), ContributeError> {
        let mut taken: Vec<Taken> = Vec::new();
        loop {
            let standing = self.standing(member, source, confirmations)?;
            let (round, number) = (member.round, member.number);
            let said = |text: &str| format!("round {round}, claim {number}: {text}");
            let done = match &standing.step {
                Step::FixRoster if allowed.share => {
                    progress("groups");
                    let outcomes = unless_done(self.fix_roster(round, Mode::Send), "ZkPocAggregationFixed")?;
                    Taken::sent("fix", said("the groups are fixed"), &outcomes)
                }
                Step::Post if allowed.share => {
                    let (outcome, timings) = self.post_share(member, &standing, Mode::Send, progress)?;
                    let times = (milliseconds(timings.masks), milliseconds(timings.total));
                    let sent = Taken::sent("post", said("the commitments of its masks are posted"), &[outcome]);
                    Taken { masks_ms: Some(times), ..sent }
                }
                Step::Bar if allowed.share => {
                    self.bar_share(member, &standing)?;
                    let why = match standing.chain.void() {
                        Some(void) => void.to_string(),
                        None => "nothing was posted in time".to_owned(),
                    };
                    Taken::new("bar", said(&format!("{why}; its share is never published")))
                }
                Step::Publish if allowed.share => {
                    let Some(source) = source else { return Ok((taken, standing.step)) };
                    progress("share");
                    let id = self.publish_share(member, &standing, source)?;
                    Taken::new("publish", said(&format!("share {id} is published")))
                }
                Step::Reveal { missing } if allowed.reveal => {
                    progress("seeds of missing members");
                    let outcome = self.reveal_seeds(member, &standing, Mode::Send)?;
                    let text = said(&format!("seeds shared with {} missing members are revealed", missing.len()));
                    Taken::sent("reveal", text, &[outcome])
                }
                Step::Withdraw if allowed.withdraw => {
                    let outcome = self.withdraw_bond(member, &standing, Mode::Send)?;
                    Taken::sent("withdraw", said("the bond is back"), &[outcome])
                }
                step => {
                    if (allowed.dispute || allowed.costly) && standing.chain.block < standing.chain.phases.disputes {
                        taken.extend(self.dispute_all(
                            member,
                            &standing,
                            (signer, source),
                            allowed.costly,
                            progress,
                        )?);
                    }
                    return Ok((taken, step.clone()));
                }
            };
            let again = taken.last().is_some_and(|last| last.step == done.step);
            taken.push(done);
            // The same step twice: the node lags behind what it was sent.
            if again {
                return Ok((taken, standing.step));
            }
        }
    }

    fn dispute_all(
        &self,
        member: &Member,
        standing: &Standing,
        (signer, source): (Option<&PrivateKeySigner>, Option<&Source>),
        costly: bool,
        progress: Progress<'_>,
    ) -> Result<Vec<Taken>, ContributeError> {
        let chain = &standing.chain;
        let settled = chain.phases.shares.saturating_add(chain.confirmations);
        let Ok((_, own)) = standing.roster(member) else { return Ok(Vec::new()) };
        if chain.block < settled || !chain.posts.contains_key(&own) {
            return Ok(Vec::new());
        }
        let mut out = Vec::new();
        for accusation in self.accusations(chain, source, costly)? {
            let mine = match accusation {
                Accusation::Pair { one, other } => one == own || other == own,
                Accusation::Missing { place } => place != own && signer.is_some(),
                Accusation::Seed { place, .. } | Accusation::Unrevealed { place } => place != own,
            };
            if !mine {
                continue;
            }
            match self.dispute(member, standing, accusation, (signer, source), progress) {
                Ok(disputed) => {
                    let text = match disputed.votes {
                        Some((given, needed)) => format!("{accusation}; {given} of the {needed} votes that are needed"),
                        None => format!("{accusation}; shown on chain"),
                    };
                    let text = format!("round {}, claim {}: {text}", member.round, member.number);
                    out.push(Taken::sent("dispute", text, &disputed.outcomes));
                }
                // Another member was faster, or the round was finalized with it in the meantime.
                Err(ContributeError::Chain(error)) if error.revert().is_some() || is_failed(&error) => {
                    tracing::info!(%accusation, %error, "this dispute is left");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(out)
    }

    /// Drives a contributor through the current round as far as it goes now, and through what is left of earlier ones. What fails does
    /// not keep the rest from being done: it is in the list beside what was.
    pub fn drive(&self, driver: &Driver<'_>, progress: Progress<'_>) -> (Vec<Taken>, Vec<ContributeError>) {
        let (mut taken, mut failed) = (Vec::new(), Vec::new());
        let mut note = |answer: Result<Vec<Taken>, ContributeError>| match answer {
            Ok(steps) => taken.extend(steps),
            Err(error) => failed.push(error),
        };
        match self.pool.current_round() {
            Err(error) => note(Err(error.into())),
            Ok(0) => {}
            Ok(round) => {
                // What has a deadline comes first.
                note(self.drive_group(driver, round, progress));
                note(self.drive_beacon(round, progress));
                note(self.drive_claim(driver, round, progress));
                note(self.drive_end(driver, round, progress));
                // Bonds of earlier rounds, and disputes about them.
                for earlier in round.saturating_sub(EARLIER_ROUNDS).max(1)..round {
                    note(self.drive_group(driver, earlier, progress));
                }
            }
        }
        (taken, failed)
    }

    fn drive_beacon(&self, round: u64, progress: Progress<'_>) -> Result<Vec<Taken>, ContributeError> {
        let info = self.pool.round(round)?;
        let block = self.pool.client().block_number()?;
        if !info.beacon.is_zero() || info.status != RoundStatus::Open || block <= info.beaconBlock.to::<u64>() {
            return Ok(Vec::new());
        }
        progress("beacon");
        let sealed = self.pool.seal(round, Mode::Send).map_err(ContributeError::from);
        let outcomes = unless_done(sealed, "ZkPocRoundsSealed")?;
        Ok(vec![Taken::sent("seal", format!("round {round}: the beacon is stored"), &outcomes)])
    }

    fn drive_claim(
        &self,
        driver: &Driver<'_>,
        round: u64,
        progress: Progress<'_>,
    ) -> Result<Vec<Taken>, ContributeError> {
        let info = self.pool.round(round)?;
        let until = info.openedAt.to::<u64>() + self.pool.deadlines()?.claim_blocks;
        let open = info.status == RoundStatus::Open && !info.beacon.is_zero();
        if !open || self.pool.client().block_number()? + 1 >= until {
            return Ok(Vec::new());
        }
        let sender = self.sender()?;
        let root = driver.dataset.manifest.root;
        let subject = self.pool.dataset(root)?.subject;
        let mine = |claim: &super::RoundClaim| claim.record.claimant == sender && claim.subject == subject;
        if self.claims(round)?.iter().any(mine) {
            return Ok(Vec::new());
        }
        progress("model");
        let model = match self.fetch_model(info.modelId, driver.source) {
            Err(error @ ContributeError::NoModel { .. }) => {
                tracing::warn!(round, %error, "nothing is claimed yet");
                return Ok(Vec::new());
            }
            other => other?,
        };
        let prepared = self.prepare_claim(driver.dataset, &model, round, driver.masked, progress)?;
        progress("claiming");
        let outcome = self.claim(&prepared, Mode::Send)?;
        if !driver.masked {
            self.hand_over(round, &prepared.record, driver.source)?;
        }
        let kind = if driver.masked { "masked" } else { "plain" };
        Ok(vec![Taken::sent("claim", format!("round {round}: {kind} claim of shard {}", prepared.index), &[outcome])])
    }

    fn drive_group(
        &self,
        driver: &Driver<'_>,
        round: u64,
        progress: Progress<'_>,
    ) -> Result<Vec<Taken>, ContributeError> {
        let member = match self.member(driver.dataset, round) {
            Ok(member) => member,
            Err(ContributeError::NoMember { .. }) => return Ok(Vec::new()),
            // An earlier round may never have been sealed.
            Err(ContributeError::Chain(error)) if is_refusal(&error, "ZkPocRoundsNotSealed") => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let allowed = Allowed { share: true, reveal: true, dispute: true, withdraw: true, costly: driver.costly };
        let how = (allowed, driver.confirmations);
        Ok(self.advance_member(&member, Some(driver.source), Some(driver.signer), how, progress)?.0)
    }

    /// Acknowledges the next model that the shares and openings at the source lead to, and settles.
    fn drive_end(
        &self,
        driver: &Driver<'_>,
        round: u64,
        progress: Progress<'_>,
    ) -> Result<Vec<Taken>, ContributeError> {
        let info = self.pool.round(round)?;
        let until = info.openedAt.to::<u64>() + self.pool.deadlines()?.claim_blocks;
        let block = self.pool.client().block_number()?;
        if info.status != RoundStatus::Open || block < until {
            return Ok(Vec::new());
        }
        let proposal = self.pool.proposal(round)?;
        let mut taken = Vec::new();
        if proposal.count > 0 && block >= proposal.settleFrom.to::<u64>() {
            let records = self.claims(round)?.into_iter().map(|claim| claim.record).collect();
            let settled = self.pool.settle(round, records, Mode::Send).map_err(ContributeError::from);
            let outcomes = unless_done(settled, "ZkPocRoundsNotOpen")?;
            taken.push(Taken::sent("settle", format!("round {round}: settled"), &outcomes));
            return Ok(taken);
        }
        let seen = self.masked_round(round, 0)?;
        let masked = seen.claims.iter().any(|claim| !claim.record.maskKey.is_zero());
        if masked && block < seen.chain.phases.shares {
            return Ok(taken);
        }
        let groups = self.group_sums(&seen, driver.source)?;
        // A sum without a group that can still come to be in it would settle without that group.
        if block < seen.chain.phases.reveals && groups.1.iter().any(|absent| !absent.void) {
            return Ok(taken);
        }
        let aggregate = match self.aggregate_with(round, seen.claims, groups, driver.source) {
            Err(ContributeError::NoOpenings { .. }) => return Ok(taken),
            other => other?,
        };
        let count = aggregate.included.count_ones() as u64;
        if U256::from(count) <= U256::from(proposal.count) {
            return Ok(taken);
        }
        progress("next model");
        let model = self.fetch_model(info.modelId, driver.source)?;
        let next = model.apply_mean(self.profile, &aggregate.sum.update, count);
        let id = model_id(self.srs, self.profile, &next)?;
        if let Some(text) = self.acknowledge(driver, round, id)? {
            taken.push(Taken::new("acknowledge", text));
        }
        Ok(taken)
    }

    /// Whoever added the sum up itself holds the next model: it signs without waiting for anybody to publish it.
    fn acknowledge(&self, driver: &Driver<'_>, round: u64, next: B256) -> Result<Option<String>, ContributeError> {
        let item = Item::Acknowledgement { round, model: next, account: self.sender()? };
        if driver.source.fetch(&item)?.is_some() {
            return Ok(None);
        }
        let said = Acknowledgement::sign(self.forum()?, round, next, driver.signer).map_err(|error| {
            OpeningError::Url { url: driver.source.origin(&item), reason: format!("the key cannot sign: {error}") }
        })?;
        driver.source.publish(&item, &said.to_json())?;
        Ok(Some(format!("round {round}: the next model {next} is acknowledged")))
    }
}
