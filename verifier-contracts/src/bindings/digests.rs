//! The protocol's digests, native: what the contracts compute on chain, for those who build proofs and claims.
//!
//! All are keccak256 of `abi.encode`d words, tagged where two could be confused. Contexts are reduced modulo the group's order
//! and are the first public input of a circuit. Tests compare each with the contract's own answer.
//!
//! | circuit  | tag                 | fields |
//! |----------|---------------------|--------|
//! | dataset  | `zkpoc.validity.v1` | chain id, registry, owner, root, index, profile |
//! | training | `zkpoc.training.v2` | chain id, rounds contract, round, claimant, subject, root, index, profile, mask key |
//! | round    | `zkpoc.round.v1`    | chain id, rounds contract, round, hash of the included claims, profile |
//! | round, first model | `zkpoc.genesis.v1` | chain id, rounds contract, seed, profile |

use alloy::dyn_abi::Eip712Domain;
use alloy::primitives::{keccak256, uint, Address, B256, U256};
use alloy::sol_types::{eip712_domain, SolStruct, SolValue};
use thiserror::Error;

use super::contracts::{Acknowledgement, Attestation, G1Point, MissingShare};
use crate::ErrorKind;

/// Order of BN254's groups: scalars, public inputs and contexts are below it.
pub const GROUP_ORDER: U256 = uint!(21888242871839275222246405745257275088548364400416034343698204186575808495617_U256);
/// Levels of a dataset's tree above the leaves.
pub const DEPTH: usize = 10;
/// Most shards that a dataset can have.
pub const CAPACITY: usize = 1 << DEPTH;

/// Why a tree or a draw cannot be computed.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum DigestError {
    /// A dataset has between one and [`CAPACITY`] shards.
    #[error("a dataset has 1 to {CAPACITY} shards, got {got}")]
    ShardCount {
        /// The number given.
        got: usize,
    },
    /// The index is not that of a shard.
    #[error("shard index {got} is not below the number of shards, {count}")]
    Index {
        /// The number of shards.
        count: usize,
        /// The index given.
        got: usize,
    },
    /// The commitments of a model or update are 64 bytes each.
    #[error("committed points are 64 bytes each, at least one: got {got} bytes")]
    Points {
        /// The number of bytes given.
        got: usize,
    },
}

impl DigestError {
    /// What the caller can do about it: the argument has to be another one.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }
}

fn tag(name: &str) -> B256 {
    keccak256(name)
}

fn reduced(encoded: &[u8]) -> U256 {
    U256::from_be_bytes(keccak256(encoded).0) % GROUP_ORDER
}

/// Context of a shard's validity proof and its link.
pub fn validity_context(
    chain_id: u64,
    registry: Address,
    owner: Address,
    root: B256,
    index: u64,
    profile_id: B256,
) -> U256 {
    let fields = (tag("zkpoc.validity.v1"), U256::from(chain_id), registry, owner, root, U256::from(index), profile_id);
    reduced(&fields.abi_encode_params())
}

/// What a claim's proof is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrainingContext {
    /// Chain.
    pub chain_id: u64,
    /// The rounds contract.
    pub rounds: Address,
    /// Number of the round.
    pub round: U256,
    /// Who claims.
    pub claimant: Address,
    /// Subject of the dataset.
    pub subject: B256,
    /// Root of the dataset.
    pub root: B256,
    /// The drawn shard.
    pub index: u64,
    /// The profile.
    pub profile_id: B256,
    /// X25519 key of the claim's masks; zero for a plain claim.
    pub mask_key: B256,
}

impl TrainingContext {
    /// The context as a public input.
    pub fn value(&self) -> U256 {
        let fields = (
            tag("zkpoc.training.v2"),
            U256::from(self.chain_id),
            self.rounds,
            self.round,
            self.claimant,
            self.subject,
            self.root,
            U256::from(self.index),
            self.profile_id,
            self.mask_key,
        );
        reduced(&fields.abi_encode_params())
    }
}

/// Context of a round's proof.
pub fn round_context(chain_id: u64, rounds: Address, round: U256, set_hash: B256, profile_id: B256) -> U256 {
    reduced(&(tag("zkpoc.round.v1"), U256::from(chain_id), rounds, round, set_hash, profile_id).abi_encode_params())
}

/// Context of the proof of a pool's first model.
pub fn genesis_context(chain_id: u64, rounds: Address, seed: B256, profile_id: B256) -> U256 {
    reduced(&(tag("zkpoc.genesis.v1"), U256::from(chain_id), rounds, seed, profile_id).abi_encode_params())
}

/// Hash that a round keeps of a claim. `update_id` is the id of the update's commitment; `mask_key` is zero for a plain claim.
pub fn claim_hash(claimant: Address, reward: U256, nullifier: B256, update_id: B256, mask_key: B256) -> B256 {
    keccak256((tag("zkpoc.claim.v2"), claimant, reward, nullifier, update_id, mask_key).abi_encode_params())
}

/// What a round keeps of its claims after each of them: it begins as the round's number, and every claim's hash is added.
pub fn claims_hashes(round: U256, claims: &[B256]) -> Vec<B256> {
    let mut kept = vec![B256::from(round)];
    for claim in claims {
        let before = kept[kept.len() - 1];
        kept.push(keccak256([before.0, claim.0].concat()));
    }
    kept
}

/// Hash of the claims that a finalization includes: of their hashes, in the order of the claims.
pub fn set_hash(included: &[B256]) -> B256 {
    keccak256(included.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>())
}

/// What a claimant signs to say that it holds a round's next model.
pub fn acknowledgement_digest(round: U256, model_id: B256, chain_id: u64, rounds: Address) -> B256 {
    let domain: Eip712Domain = eip712_domain! {
        name: "zkpoc rounds",
        version: "1",
        chain_id: chain_id,
        verifying_contract: rounds,
    };
    Acknowledgement { round, modelId: model_id }.eip712_signing_hash(&domain)
}

/// What a member of a group signs that did not get another one's share.
pub fn missing_digest(round: U256, number: U256, share_id: B256, chain_id: u64, aggregation: Address) -> B256 {
    let domain: Eip712Domain = eip712_domain! {
        name: "zkpoc aggregation",
        version: "1",
        chain_id: chain_id,
        verifying_contract: aggregation,
    };
    MissingShare { round, number, shareId: share_id }.eip712_signing_hash(&domain)
}

/// Leaf of a shard: its profile, place and registered commitment.
pub fn leaf(profile_id: B256, index: u64, commitment: &G1Point) -> B256 {
    let fields = (tag("zkpoc.leaf.v1"), profile_id, U256::from(index), commitment.x, commitment.y);
    keccak256(fields.abi_encode_params())
}

fn node(left: B256, right: B256) -> B256 {
    keccak256([left.0, right.0].concat())
}

/// Root of the tree over `leaves`, which stand at 0, 1, …; missing leaves are zero.
pub fn merkle_root(leaves: &[B256]) -> Result<B256, DigestError> {
    Ok(climb(leaves, 0)?.1)
}

/// The siblings of leaf `index`, from the leaf up.
pub fn merkle_path(leaves: &[B256], index: usize) -> Result<[B256; DEPTH], DigestError> {
    Ok(climb(leaves, index)?.0)
}

fn climb(leaves: &[B256], index: usize) -> Result<([B256; DEPTH], B256), DigestError> {
    if leaves.is_empty() || leaves.len() > CAPACITY {
        return Err(DigestError::ShardCount { got: leaves.len() });
    }
    if index >= leaves.len() {
        return Err(DigestError::Index { count: leaves.len(), got: index });
    }
    let mut path = [B256::ZERO; DEPTH];
    let mut level = leaves.to_vec();
    let mut empty = B256::ZERO;
    for (depth, slot) in path.iter_mut().enumerate() {
        *slot = level.get((index >> depth) ^ 1).copied().unwrap_or(empty);
        level = level.chunks(2).map(|pair| node(pair[0], pair.get(1).copied().unwrap_or(empty))).collect();
        empty = node(empty, empty);
    }
    // invariant: CAPACITY leaves or fewer leave one node after DEPTH halvings
    Ok((path, level[0]))
}

/// The root that a path leads to from `leaf` at `index`.
pub fn merkle_ascend(leaf: B256, index: u64, path: &[B256; DEPTH]) -> B256 {
    path.iter().enumerate().fold(leaf, |current, (level, sibling)| {
        if (index >> level) & 1 == 0 {
            node(current, *sibling)
        } else {
            node(*sibling, current)
        }
    })
}

/// The shard that a beacon draws from a dataset of `shard_count` shards.
pub fn drawn_index(beacon: B256, root: B256, owner: Address, shard_count: u32) -> Result<u64, DigestError> {
    if shard_count == 0 {
        return Err(DigestError::ShardCount { got: 0 });
    }
    let draw = U256::from_be_bytes(keccak256((beacon, root, owner).abi_encode_params()).0);
    // invariant: the remainder is below a u32
    Ok((draw % U256::from(shard_count)).to::<u64>())
}

/// Id of a model's or an update's commitment: `points` are its points, 64 bytes big-endian x, y each, as in a proof.
pub fn commitment_id(points: &[u8]) -> Result<B256, DigestError> {
    if points.is_empty() || !points.len().is_multiple_of(64) {
        return Err(DigestError::Points { got: points.len() });
    }
    Ok(keccak256(points))
}

/// What a paid claim uses up: one shard of one subject, for one model.
pub fn nullifier(model_id: B256, subject: B256, leaf: B256) -> B256 {
    keccak256((tag("zkpoc.nullifier.v1"), model_id, subject, leaf).abi_encode_params())
}

/// Challenge of a link proof between the registered commitment, its copy in the proof and the nonce point R.
pub fn link_challenge(context: U256, registered: &G1Point, copy: &G1Point, nonce: &G1Point) -> U256 {
    let fields = (tag("zkpoc.link.v1"), context, registered.x, registered.y, copy.x, copy.y, nonce.x, nonce.y);
    reduced(&fields.abi_encode_params())
}

/// Digest of the commitment key that datasets are attested for: keccak256 of `[tau]_2` in the encoding of EIP-197, 128 bytes
/// big-endian x.c1, x.c0, y.c1, y.c0.
pub fn srs_digest(tau_g2: &[u8; 128]) -> B256 {
    keccak256(tau_g2)
}

/// EIP-712 domain of a registry.
pub fn attestation_domain(chain_id: u64, registry: Address) -> Eip712Domain {
    eip712_domain! { name: "zkpoc", version: "1", chain_id: chain_id, verifying_contract: registry, }
}

/// The digest that an attestor signs.
pub fn attestation_digest(attestation: &Attestation, chain_id: u64, registry: Address) -> B256 {
    attestation.eip712_signing_hash(&attestation_domain(chain_id, registry))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: usize) -> Vec<B256> {
        (0..count).map(|i| keccak256(i.to_be_bytes())).collect()
    }

    #[test]
    fn accepts_every_leaf_at_its_index_only() {
        for count in [1, 2, 3, 7, 8, 9, 33, CAPACITY] {
            let leaves = leaves(count);
            let root = merkle_root(&leaves).expect("a root");
            for index in [0, count / 2, count - 1] {
                let path = merkle_path(&leaves, index).expect("a path");
                assert_eq!(merkle_ascend(leaves[index], index as u64, &path), root);
                assert_ne!(merkle_ascend(leaves[index], index as u64 ^ 1, &path), root);
            }
        }
    }

    #[test]
    fn rejects_impossible_trees_and_draws() {
        assert_eq!(merkle_root(&[]), Err(DigestError::ShardCount { got: 0 }));
        assert_eq!(merkle_root(&leaves(CAPACITY + 1)), Err(DigestError::ShardCount { got: CAPACITY + 1 }));
        assert_eq!(merkle_path(&leaves(3), 3), Err(DigestError::Index { count: 3, got: 3 }));
        assert_eq!(drawn_index(B256::ZERO, B256::ZERO, Address::ZERO, 0), Err(DigestError::ShardCount { got: 0 }));
        assert_eq!(commitment_id(&[0; 65]), Err(DigestError::Points { got: 65 }));
    }

    #[test]
    fn golden_type_of_an_attestation() {
        assert_eq!(
            Attestation::eip712_encode_type(),
            "Attestation(address owner,bytes32 subject,bytes32 profileId,bytes32 srsDigest,bytes32 datasetRoot,uint32 shardCount,uint32 recordCount,uint64 epoch)"
        );
    }
}
