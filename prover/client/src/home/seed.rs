//! The blinding of registered commitments, derived from one seed.
//!
//! Element `row` of shard `index` is a 512-bit number modulo `r`, the number being, as 64 bytes
//! least significant first, `H(0) || H(1)` with
//! `H(j) = HMAC-SHA256(seed, "zkpoc.blinding.v1" || profile id || index || row || j)`;
//! `index` has 8 bytes big-endian, `row` (0 to 3, for rows `n-4` to `n-1`) and `j` one each.
//!
//! # Soundness
//! As HMAC with a secret key is a pseudo-random function, the elements are as good as uniform to all
//! who do not hold the seed: the reduction of 512 bits leaves a bias below `2^-256`. Owner and
//! attestor recompute the same commitments from the data and these 32 bytes. The profile id keeps
//! the commitments of one seed under two profiles unrelated.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::FromUniformBytes;
use hmac::{Hmac, KeyInit, Mac};
use rand_core::{OsRng, RngCore};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use zkpoc_prover::blinding::Blinding;

const DOMAIN: &[u8] = b"zkpoc.blinding.v1";

/// 32 secret bytes; wiped when dropped, and never shown.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A fresh seed from the operating system.
    pub fn random() -> Self {
        let mut seed = Self([0; 32]);
        OsRng.fill_bytes(&mut seed.0);
        seed
    }

    /// A seed that was stored.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to store them or to hand them to an attestor.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// The random cells of shard `index`.
pub fn blinding(seed: &Seed, profile_id: &[u8; 32], index: u64) -> Blinding {
    std::array::from_fn(|row| {
        let mut wide = [0u8; 64];
        for (half, slot) in wide.chunks_exact_mut(32).enumerate() {
            // invariant: HMAC takes a key of any length.
            let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&seed.0).expect("HMAC key");
            mac.update(DOMAIN);
            mac.update(profile_id);
            mac.update(&index.to_be_bytes());
            mac.update(&[row as u8, half as u8]);
            slot.copy_from_slice(&mac.finalize().into_bytes());
        }
        let element = Fr::from_uniform_bytes(&wide);
        wide.zeroize();
        element
    })
}
