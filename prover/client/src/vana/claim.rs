//! A file is proven to stand for a shard of its owner, and paid.
//!
//! As with a round's claim, the contract is asked about everything but the proofs first, and the proof is stored before it is sent: a
//! later run finds the file added, the proof made, or the file proven, and goes on from there.

use alloy::primitives::{B256, U256};
use zkpoc_circuits::reference::Model;
use zkpoc_contracts::bindings::digests::{leaf, nullifier, TrainingContext};
use zkpoc_contracts::bindings::vana::{FileClaim, G1Point, VanaProofPool};
use zkpoc_contracts::bindings::Claim;

use super::{Adapter, VanaError};
use crate::chain::{ChainError, Mode, Outcome};
use crate::contribute::{model_id, Progress, Site};
use crate::home::Dataset;
use zkpoc_prover::prove::Timings;

/// A file and the shard it is to stand for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The file.
    pub file: U256,
    /// The dataset.
    pub dataset: &'a Dataset,
    /// The shard.
    pub index: u64,
    /// The adapter's model.
    pub model: &'a Model,
}

/// A proven file.
#[derive(Debug)]
pub struct Proven {
    /// What was sent; `None` if an earlier run sent it.
    pub outcome: Option<Outcome>,
    /// One for each model, source and shard.
    pub nullifier: B256,
    /// Times of the proof; all zero if an earlier run made it.
    pub timings: Timings,
    /// Bytes of the proof; zero if an earlier run sent it.
    pub proof_bytes: usize,
}

/// The file of the sender with a url, added if it is not there.
pub fn file_with_url(adapter: &Adapter<'_>, url: &str) -> Result<(U256, Option<Outcome>), VanaError> {
    let sender = adapter.client().sender()?;
    adapter.client().await_own()?;
    let mut outcome = None;
    if adapter.file_by_url(url)?.is_zero() {
        outcome = Some(adapter.add_file(url)?);
    }
    let file = adapter.file_by_url(url)?;
    let owner = adapter.file(file)?.ownerAddress;
    match owner == sender {
        true => Ok((file, outcome)),
        false => Err(VanaError::UrlTaken { url: url.to_owned(), file, owner }),
    }
}

/// Proves a file and sends the proof; or finds it proven.
pub fn prove_file(
    site: &Site<'_>,
    adapter: &Adapter<'_>,
    target: &Target<'_>,
    mode: Mode,
    progress: Progress<'_>,
) -> Result<Proven, VanaError> {
    let client = adapter.client();
    client.await_own()?;
    let (file, sender) = (target.file, client.sender()?);
    let owner = adapter.file(file)?.ownerAddress;
    if owner != sender {
        return Err(VanaError::NotOwner { file, owner, sender });
    }
    let (expected, found) = (adapter.model_id()?, model_id(site.srs, site.profile, target.model)?);
    if expected != found {
        return Err(VanaError::OtherModel { expected, found });
    }
    let (root, profile_id) = (target.dataset.manifest.root, target.dataset.manifest.profile_id);
    let fields = TrainingContext {
        chain_id: client.chain_id(),
        rounds: adapter.address(),
        round: file,
        claimant: owner,
        subject: site.pool.dataset(root)?.subject,
        root,
        index: target.index,
        profile_id,
        mask_key: B256::ZERO,
    };
    let empty = site.empty_claim(target.dataset, target.index)?;
    let nullifier = nullifier(expected, fields.subject, leaf(profile_id, target.index, &empty.commitment));
    match adapter.file_of(nullifier)? {
        used if used == file => {
            return Ok(Proven { outcome: None, nullifier, timings: Timings::default(), proof_bytes: 0 })
        }
        used if used.is_zero() => {}
        used => return Err(VanaError::Used { index: target.index, file: used }),
    }
    preflight(adapter, of_claim(file, target.index, empty))?;
    let bounds = adapter.bounds()?;
    let prepared = site.prepare_training(target.dataset, target.model, &fields, bounds, progress)?;
    let mut request = of_claim(file, target.index, prepared.claim);
    if let Some(validity) = site.prove_validity(target.dataset, target.index, progress)? {
        request.datasetProof = validity.call.proof;
        request.datasetLink = validity.call.link;
    }
    progress("proving the file on chain");
    let proof_bytes = request.proof.len();
    let outcome = adapter.prove_file(request, mode)?;
    Ok(Proven { outcome: Some(outcome), nullifier, timings: prepared.timings, proof_bytes })
}

/// The request of a file that what a claim shows of a shard makes.
pub fn of_claim(file: U256, index: u64, claim: Claim) -> FileClaim {
    FileClaim {
        fileId: file,
        root: claim.root,
        index: U256::from(index),
        commitment: G1Point { x: claim.commitment.x, y: claim.commitment.y },
        path: claim.path,
        normLog2: claim.normLog2,
        lossLog2: claim.lossLog2,
        proof: claim.proof,
        link: claim.link,
        datasetProof: claim.datasetProof,
        datasetLink: claim.datasetLink,
    }
}

/// Asks the contract about everything but the proofs: it must refuse for their absence and nothing else.
fn preflight(adapter: &Adapter<'_>, empty: FileClaim) -> Result<(), ChainError> {
    match adapter.prove_file(empty, Mode::DryRun) {
        Err(error) if !refused_for_proofs(&error) => Err(error),
        _ => Ok(()),
    }
}

fn refused_for_proofs(error: &ChainError) -> bool {
    let name = error.revert().map(|revert| revert.name.as_str());
    matches!(name, Some("ZkPocVanaProofLength" | "ZkPocVanaNotValidated"))
}

/// What a proof of a file was paid.
#[derive(Debug)]
pub struct Paid {
    /// What was sent; `None` if the file was paid before.
    pub outcome: Option<Outcome>,
    /// Which of the file's proofs.
    pub proof_index: u64,
    /// The score, at most 1e18.
    pub score: U256,
    /// In the token's smallest unit.
    pub amount: U256,
}

/// Asks the pool for a proven file's reward.
pub fn request_reward(adapter: &Adapter<'_>, file: U256, nullifier: B256) -> Result<Paid, VanaError> {
    let found = adapter.find_proof(file, nullifier)?;
    let (proof_index, proof) = found.ok_or(VanaError::NotProven { file, adapter: adapter.address() })?;
    let paid = adapter.paid(file)?;
    if !paid.is_zero() {
        return Ok(Paid { outcome: None, proof_index, score: proof.data.score, amount: paid });
    }
    let outcome = adapter.request_reward(file, proof_index, Mode::Send)?;
    let event = outcome.receipt().and_then(|receipt| receipt.event::<VanaProofPool::RewardRequested>());
    let amount = event.map(|event| event.rewardAmount);
    let amount = amount.ok_or(VanaError::NoEvent { what: "the request", contract: adapter.pool() })?;
    Ok(Paid { outcome: Some(outcome), proof_index, score: proof.data.score, amount })
}
