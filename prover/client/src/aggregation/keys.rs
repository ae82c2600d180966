//! The key of a claim's masks, and the seed that a pair of a group derives from its two keys.
//!
//! X25519 (RFC 7748) with a fresh key for each claim; HKDF-SHA256 (RFC 5869) with
//! `salt = "zkpoc.mask.v1"` and `info = abi.encode(chain id, aggregation contract, round, roster hash, first address,
//! second address, first number, second number)`, 32 bytes. The first is the seat with the lower place.
//!
//! # Soundness
//! The info binds a seed to one pair in one roster of one round: no other round, group, chain or contract derives it, and a
//! member that copies another's key derives nothing. Keys come from the chain, where the claim's proof binds them.
//! Keys of small order and secrets of all zeros are refused: they would let anyone compute the pair's masks.
//!
//! # Errors
//! [`AggregationError::Key`].

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::SolValue;
use hkdf::Hkdf;
use sha2::Sha256;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{AggregationError, Roster};

const SALT: &[u8] = b"zkpoc.mask.v1";

/// The secret key of a claim's masks. Wiped when dropped, never shown.
#[derive(Clone)]
pub struct MaskSecret(StaticSecret);

impl std::fmt::Debug for MaskSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MaskSecret(..)")
    }
}

/// The seed of a pair's mask. Wiped when dropped, never shown.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct PairSeed([u8; 32]);

impl std::fmt::Debug for PairSeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PairSeed(..)")
    }
}

impl PairSeed {
    /// A seed that was revealed.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to expand or to reveal them.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Where masks are used: part of every seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The chain.
    pub chain_id: u64,
    /// The contract of rosters and shares.
    pub contract: Address,
    /// The round.
    pub round: u64,
}

impl MaskSecret {
    /// A fresh key from the operating system.
    pub fn random() -> Self {
        Self(StaticSecret::random_from_rng(rand_core::OsRng))
    }

    /// A key that was stored.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(StaticSecret::from(bytes))
    }

    /// The bytes, to store them or to end a dispute.
    pub fn expose(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public key, as claims carry it.
    pub fn public(&self) -> B256 {
        B256::new(PublicKey::from(&self.0).to_bytes())
    }

    /// The seed of the pair of the seats at places `own` and `other`.
    pub fn seed(&self, place: &Place, roster: &Roster, own: usize, other: usize) -> Result<PairSeed, AggregationError> {
        let (first, second) = (own.min(other), own.max(other));
        let seat = |at: usize| roster.seats.get(at).ok_or(AggregationError::NoSeat { number: at as u64 });
        let (first, second, peer) = (seat(first)?, seat(second)?, seat(other)?);
        let refuse = |reason| AggregationError::Key { number: peer.number, key: peer.key, reason };
        if !is_acceptable(&peer.key) {
            return Err(refuse("it is not canonical or of small order"));
        }
        let shared = self.0.diffie_hellman(&PublicKey::from(peer.key.0));
        if !shared.was_contributory() {
            return Err(refuse("it gives a secret of all zeros"));
        }
        let info = (
            U256::from(place.chain_id),
            place.contract,
            U256::from(place.round),
            roster.hash,
            first.claimant,
            second.claimant,
            U256::from(first.number),
            U256::from(second.number),
        );
        Ok(expand(shared.as_bytes(), &info.abi_encode_params()))
    }
}

/// HKDF-SHA256 of a shared secret.
fn expand(shared: &[u8; 32], info: &[u8]) -> PairSeed {
    let mut seed = PairSeed([0; 32]);
    // invariant: 32 bytes are fewer than 255 times a hash.
    Hkdf::<Sha256>::new(Some(SALT), shared).expand(info, &mut seed.0).expect("one block");
    seed
}

/// Points of small order on Curve25519 and its twist, below the prime, little-endian.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09,
        0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44,
        0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ],
];

/// Whether a key is below the prime and not of small order; the contract draws groups from such keys only.
pub fn is_acceptable(key: &B256) -> bool {
    let mut number = key.0;
    number.reverse();
    let prime = (U256::ONE << 255) - U256::from(19);
    U256::from_be_bytes(number) < prime && !SMALL_ORDER.contains(&key.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregation::Seat;

    fn place() -> Place {
        Place { chain_id: 31337, contract: Address::repeat_byte(7), round: 3 }
    }

    fn roster(secrets: &[MaskSecret]) -> Roster {
        let seat = |(number, secret): (usize, &MaskSecret)| Seat {
            number: number as u64,
            claimant: Address::with_last_byte(number as u8 + 1),
            key: secret.public(),
            nullifier: B256::with_last_byte(number as u8),
            update_id: B256::repeat_byte(number as u8),
        };
        Roster::new(0, secrets.iter().enumerate().map(seat).collect())
    }

    #[test]
    fn both_ends_derive_one_seed_and_nobody_else() {
        let secrets: Vec<MaskSecret> = (0..3).map(|_| MaskSecret::random()).collect();
        let roster = roster(&secrets);
        let seed = |own: usize, other: usize| secrets[own].seed(&place(), &roster, own, other).expect("a seed");
        assert_eq!(seed(0, 1), seed(1, 0));
        assert_ne!(seed(0, 1), seed(0, 2));
        assert_ne!(seed(0, 1), seed(1, 2));
    }

    #[test]
    fn a_seed_is_of_one_chain_contract_round_and_roster() {
        let secrets: Vec<MaskSecret> = (0..3).map(|_| MaskSecret::random()).collect();
        let here = roster(&secrets);
        let seed = |place: Place, roster: &Roster| secrets[0].seed(&place, roster, 0, 1).expect("a seed");
        let base = seed(place(), &here);
        assert_ne!(base, seed(Place { chain_id: 1, ..place() }, &here));
        assert_ne!(base, seed(Place { contract: Address::ZERO, ..place() }, &here));
        assert_ne!(base, seed(Place { round: 4, ..place() }, &here));
        let mut other = here.seats.clone();
        other[2].update_id = B256::ZERO;
        assert_ne!(base, seed(place(), &Roster::new(0, other)));
    }

    #[test]
    fn a_copied_key_derives_another_pairs_seed() {
        // The member at place 2 claims with the key of the one at place 1, whose secret it lacks.
        let secrets: Vec<MaskSecret> = (0..3).map(|_| MaskSecret::random()).collect();
        let mut seats = roster(&secrets).seats;
        seats[2].key = seats[1].key;
        let roster = Roster::new(0, seats);
        let honest = secrets[0].seed(&place(), &roster, 0, 1).expect("a seed");
        assert_ne!(honest, secrets[0].seed(&place(), &roster, 0, 2).expect("a seed"));
    }

    #[test]
    fn rejects_keys_of_small_order_and_second_spellings() {
        let prime = (U256::ONE << 255) - U256::from(19);
        let spelled = |number: U256| {
            let mut bytes = number.to_be_bytes::<32>();
            bytes.reverse();
            B256::new(bytes)
        };
        let second = [prime, prime + U256::ONE, U256::MAX, (U256::ONE << 255) | U256::from(9)].map(spelled);
        let secrets: Vec<MaskSecret> = (0..3).map(|_| MaskSecret::random()).collect();
        for key in SMALL_ORDER.map(B256::new).into_iter().chain(second) {
            assert!(!is_acceptable(&key), "{key}");
            let mut seats = roster(&secrets).seats;
            seats[1].key = key;
            let refused = secrets[0].seed(&place(), &Roster::new(0, seats), 0, 1);
            assert!(matches!(refused, Err(AggregationError::Key { number: 1, .. })), "{key}");
        }
        // All of them give the secret of all zeros, or are another spelling of a number below the prime.
        for key in SMALL_ORDER {
            assert!(!secrets[0].0.diffie_hellman(&PublicKey::from(key)).was_contributory());
        }
        assert!(is_acceptable(&secrets[0].public()));
    }

    #[test]
    fn golden_seed() {
        // Alice's and Bob's keys of RFC 7748, section 6.1; computed with Python's hmac from the RFC's shared secret.
        let shared = hex::decode("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742").expect("hex");
        let shared: [u8; 32] = shared.try_into().expect("32 bytes");
        let seed = expand(&shared, b"info");
        assert_eq!(hex::encode(seed.expose()), GOLDEN);
    }

    const GOLDEN: &str = "4082754b59dd70498b8c06ea674dcedc7b438467149d01f8817543dda8e71328";
}
