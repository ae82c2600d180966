//! The proof of contribution in the fields of Vana's proof template, with where each score comes from.
//!
//! Everything is read from the chain: the adapter's event of the file, the dataset in the registry, the proof in Vana's registry.
//! `authenticity`, `ownership` and `uniqueness` are 1 where the contract has checked them; `quality` is the score.

use alloy::primitives::U256;
use serde_json::{json, Value};
use zkpoc_contracts::bindings::vana::VanaProofPool;

use super::{Adapter, VanaError};
use crate::chain::PoolClient;

/// The document of a proven file.
pub fn report(view: &PoolClient<'_>, adapter: &Adapter<'_>, file: U256) -> Result<Value, VanaError> {
    let missing = || VanaError::NotProven { file, adapter: adapter.address() };
    let events = view.client().events::<VanaProofPool::FileProven>(adapter.address(), view.pool().block)?;
    let event = events.into_iter().find(|event| event.fileId == file).ok_or_else(missing)?;
    let (proof_index, proof) = adapter.find_proof(file, event.nullifier)?.ok_or_else(missing)?;
    let (entry, dataset) = (adapter.file(file)?, view.dataset(event.root)?);
    let attested = view.is_attested(event.root)?;
    let (max_norm, max_loss) = adapter.bounds()?;
    let score = fraction(event.score);
    let holds = |good: bool| if good { 1.0 } else { 0.0 };
    let owned = dataset.owner == entry.ownerAddress;
    Ok(json!({
        "dlp_id": u64::try_from(proof.data.dlpId).unwrap_or(u64::MAX),
        "valid": attested && owned && proof.data.score == event.score,
        "score": score,
        "authenticity": holds(attested),
        "ownership": holds(owned),
        "quality": score,
        "uniqueness": 1.0,
        "attributes": {
            "authenticity": {
                "attestor": dataset.attestor, "authorised": attested, "subject": dataset.subject,
                "registered_at_block": u64::try_from(dataset.registeredAt).unwrap_or(u64::MAX),
            },
            "ownership": { "file_owner": entry.ownerAddress, "dataset_owner": dataset.owner },
            "quality": {
                "update_squared_norm_below": format!("2^{}", event.normLog2),
                "loss_below": format!("2^{}", event.lossLog2),
                "accepted_up_to": { "norm_log2": max_norm, "loss_log2": max_loss },
                "rule": "a quarter for the widest accepted bound on the loss, a quarter more for each factor 16 below it, at most 1",
            },
            "uniqueness": {
                "nullifier": event.nullifier, "model_id": adapter.model_id()?, "dataset_root": event.root,
                "shard": u64::try_from(event.index).unwrap_or(u64::MAX),
            },
        },
        "metadata": {
            "chain_id": view.client().chain_id(), "adapter": adapter.address(), "pool": adapter.pool(),
            "file_id": u64::try_from(file).unwrap_or(u64::MAX), "url": entry.url, "proof_index": proof_index,
            "instruction": proof.data.instruction, "registry_metadata": proof.data.metadata,
        },
    }))
}

/// A score as a number between 0 and 1.
pub fn fraction(score: U256) -> f64 {
    u64::try_from(score).map_or(1.0, |score| score as f64 / 1e18)
}
