//! Link proofs: two hiding commitments hold the same data.
//!
//! A registered commitment `C_D` is never part of a proof; a proof carries a copy `C'` of the
//! column with fresh blinding. Both commit to the same cells exactly if their difference lies in
//! the random rows alone, `C_D - C' = sum_i delta_i * B_i` with `B_i = [L_{n-4+i}(tau)]_1`. A link
//! proof shows knowledge of such `delta` (Schnorr, 1991, for a representation in several bases).
//!
//! # Protocol
//! Prover: `R = sum_i t_i * B_i` for random `t`; the challenge `e` is the hash of a tag, the
//! context, `C_D`, `C'` and `R`, reduced modulo `r`; `z_i = t_i + e * delta_i`.
//! Verifier: `sum_i z_i * B_i = R + e * (C_D - C')`.
//! Encoded as `R || z_0 || .. || z_3`, 192 bytes, in the encodings of [`crate::commit`].
//!
//! # Soundness
//! 1. From two accepting answers to one `R` follows a `delta`; the error is `2/r` for each hash
//!    query. 2. Columns that differ in another row and still satisfy the equation yield a
//!    non-trivial relation among Lagrange points, which breaks the binding of the commitment.
//! 3. The context in the hash makes a proof useless elsewhere. 4. The nonces are a hash of the
//!    secret, the statement and fresh randomness, so that neither a repeated nor a biased random
//!    source alone reveals `delta`. 5. Tests: `rejects_*` in `link/tests.rs`.
//!
//! # Errors
//! [`LinkError`].

use alloy_primitives::keccak256;
use halo2_proofs::arithmetic::{best_multiexp, Field};
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::ff::FromUniformBytes;
use halo2_proofs::halo2curves::group::Curve;
use hmac::{Hmac, KeyInit, Mac};
use rand_core::{OsRng, RngCore};
use sha2::Sha512;
use zeroize::{Zeroize, Zeroizing};

use crate::blinding::{Blinding, LINK_ROWS};
use crate::commit::CommitError;
use crate::srs::Srs;
use zkpoc_circuits::ErrorKind;
use zkpoc_engine::encoding::{
    point_from_bytes, point_to_bytes, scalar_from_bytes, scalar_from_hash, scalar_to_bytes, PointError,
};
use zkpoc_engine::wipe;

/// Length of an encoded link proof.
pub const LINK_PROOF_BYTES: usize = 64 + 32 * LINK_ROWS;

const TAG: &str = "zkpoc.link.v1";
const NONCE_TAG: &[u8] = b"zkpoc.link.nonce.v1";

/// A link proof that cannot be made, read or accepted.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum LinkError {
    /// The commitments do not differ by the given blinding: the columns hold other data.
    #[error("the two commitments do not differ by the given blinding alone")]
    NotLinked,
    /// The registered commitment itself was about to be used in a proof.
    #[error("the copy equals the registered commitment; a proof needs a fresh blinding")]
    SameCommitment,
    /// Not [`LINK_PROOF_BYTES`] bytes.
    #[error("a link proof has {actual} bytes, {LINK_PROOF_BYTES} are expected")]
    Length {
        /// Bytes given.
        actual: usize,
    },
    /// A point of the proof or of the statement is not a valid commitment.
    #[error("{which} of a link proof: {source}")]
    Point {
        /// Which point.
        which: &'static str,
        /// Why not.
        source: PointError,
    },
    /// An answer is not below `r`.
    #[error("answer z_{index} of a link proof is not below the group order r")]
    Answer {
        /// Which of them.
        index: usize,
    },
    /// The verifier's equation does not hold.
    #[error("the link proof does not hold for these commitments and this context")]
    Invalid,
}

impl LinkError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotLinked | Self::SameCommitment => ErrorKind::Input,
            Self::Length { .. } | Self::Point { .. } | Self::Answer { .. } | Self::Invalid => ErrorKind::Refused,
        }
    }
}

/// The bases of link proofs, in the order of their rows.
pub type LinkBases = [G1Affine; LINK_ROWS];

/// `[L_row(tau)]_1` of the last [`LINK_ROWS`] rows.
pub fn link_bases(srs: &Srs) -> Result<LinkBases, CommitError> {
    let rows = srs.lagrange();
    rows.last_chunk().copied().ok_or(CommitError::Row { rows: rows.len(), row: 0 })
}

/// `C_D - C'` in the link bases, from the two blindings.
pub fn difference(registered: &Blinding, copy: &Blinding) -> Blinding {
    std::array::from_fn(|i| registered[i] - copy[i])
}

/// Knowledge of the difference between two commitments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkProof {
    /// The nonce point.
    pub r: G1Affine,
    /// The answers, one for each base.
    pub z: [Fr; LINK_ROWS],
}

impl LinkProof {
    /// The encoding the contracts take.
    pub fn to_bytes(&self) -> [u8; LINK_PROOF_BYTES] {
        let mut bytes = [0u8; LINK_PROOF_BYTES];
        bytes[..64].copy_from_slice(&point_to_bytes(&self.r));
        for (slot, z) in bytes[64..].chunks_exact_mut(32).zip(&self.z) {
            slot.copy_from_slice(&scalar_to_bytes(z));
        }
        bytes
    }

    /// Reads an encoding; refuses every one that [`Self::to_bytes`] would not write, and the
    /// identity as `R`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LinkError> {
        if bytes.len() != LINK_PROOF_BYTES {
            return Err(LinkError::Length { actual: bytes.len() });
        }
        let r = point_from_bytes(&bytes[..64]).map_err(|source| LinkError::Point { which: "R", source })?;
        let mut z = [Fr::ZERO; LINK_ROWS];
        for (index, word) in bytes[64..].chunks_exact(32).enumerate() {
            let mut buffer = [0u8; 32];
            buffer.copy_from_slice(word);
            z[index] = scalar_from_bytes(&buffer).map_err(|_| LinkError::Answer { index })?;
        }
        Ok(Self { r, z })
    }
}

/// Proves that `registered - copy = sum delta_i * bases_i`.
///
/// Refuses a `delta` that is not the difference, which no verifier would accept, and a copy that
/// is the registered commitment itself.
pub fn prove_link(
    bases: &LinkBases,
    delta: &Blinding,
    context: &Fr,
    registered: &G1Affine,
    copy: &G1Affine,
) -> Result<LinkProof, LinkError> {
    if registered == copy {
        return Err(LinkError::SameCommitment);
    }
    if best_multiexp(delta, bases) != G1::from(*registered) - G1::from(*copy) {
        return Err(LinkError::NotLinked);
    }
    let mut fresh = Zeroizing::new([0u8; 64]);
    OsRng.fill_bytes(fresh.as_mut());
    let mut nonces = hedged_nonces(delta, context, registered, copy, &fresh);
    let r = best_multiexp(&nonces, bases).to_affine();
    let e = challenge(context, registered, copy, &r);
    let z = std::array::from_fn(|i| nonces[i] + e * delta[i]);
    wipe(&mut nonces);
    Ok(LinkProof { r, z })
}

/// Checks a link proof as the contract does.
pub fn verify_link(
    bases: &LinkBases,
    context: &Fr,
    registered: &G1Affine,
    copy: &G1Affine,
    proof: &LinkProof,
) -> Result<(), LinkError> {
    for (which, point) in [("C_D", registered), ("C'", copy), ("R", &proof.r)] {
        point_from_bytes(&point_to_bytes(point)).map_err(|source| LinkError::Point { which, source })?;
    }
    if registered == copy {
        return Err(LinkError::SameCommitment);
    }
    let e = challenge(context, registered, copy, &proof.r);
    let left = best_multiexp(&proof.z, bases);
    let right = G1::from(proof.r) + (G1::from(*registered) - G1::from(*copy)) * e;
    if left == right {
        Ok(())
    } else {
        Err(LinkError::Invalid)
    }
}

/// The challenge: keccak256 over eight 32-byte words, as `abi.encode` lays them out.
fn challenge(context: &Fr, registered: &G1Affine, copy: &G1Affine, r: &G1Affine) -> Fr {
    let mut words = Vec::with_capacity(32 * 8);
    words.extend_from_slice(keccak256(TAG).as_slice());
    words.extend_from_slice(&scalar_to_bytes(context));
    for point in [registered, copy, r] {
        words.extend_from_slice(&point_to_bytes(point));
    }
    scalar_from_hash(&keccak256(&words).0)
}

/// Nonces that are uniform if either the secret or the fresh randomness is unknown.
fn hedged_nonces(
    delta: &Blinding,
    context: &Fr,
    registered: &G1Affine,
    copy: &G1Affine,
    fresh: &[u8; 64],
) -> [Fr; LINK_ROWS] {
    let mut key = Zeroizing::new([0u8; 32 * LINK_ROWS]);
    for (slot, value) in key.chunks_exact_mut(32).zip(delta) {
        slot.copy_from_slice(&scalar_to_bytes(value));
    }
    std::array::from_fn(|index| {
        // invariant: HMAC takes a key of any length.
        let mut mac = <Hmac<Sha512> as KeyInit>::new_from_slice(key.as_ref()).expect("HMAC key");
        mac.update(NONCE_TAG);
        mac.update(&[index as u8]);
        mac.update(&scalar_to_bytes(context));
        mac.update(&point_to_bytes(registered));
        mac.update(&point_to_bytes(copy));
        mac.update(fresh);
        let mut wide = [0u8; 64];
        wide.copy_from_slice(&mac.finalize().into_bytes());
        let nonce = Fr::from_uniform_bytes(&wide);
        wide.zeroize();
        nonce
    })
}

#[cfg(test)]
mod tests;
