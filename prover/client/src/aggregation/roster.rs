//! Who is in a group, as everyone computes it from the chain: claims with an acceptable key, drawn into groups by a block hash
//! after the last of them.
//!
//! # Shapes
//! Of `m` such claims `ceil(m / 16)` groups are made, each of `floor` or `ceil` of `m / groups` members; fewer than three give
//! none. A member's *place* is its rank by claim number in the group.
//!
//! # Soundness
//! Subjects of a round's claims are distinct (the rounds contract counts one dataset of a subject, and draws one shard of it),
//! so the members of a group are distinct sources. The draw keeps whoever claims right before and after somebody from getting
//! into its group, once a round has more than one.
//!
//! # Errors
//! [`AggregationError::NoSeat`].

use alloy::primitives::{keccak256, Address, B256, U256};
use alloy::sol_types::SolValue;

use super::keys::is_acceptable;
use super::{AggregationError, MAX_GROUP, MIN_GROUP};

/// A claim's part in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The claim's place in the round.
    pub number: u64,
    /// Who claimed.
    pub claimant: Address,
    /// X25519 key of its masks.
    pub key: B256,
    /// What its payment uses up.
    pub nullifier: B256,
    /// Id of its update's commitment.
    pub update_id: B256,
}

impl Seat {
    /// Its hash in the roster.
    pub fn leaf(&self) -> B256 {
        let fields = (U256::from(self.number), self.claimant, self.key, self.nullifier, self.update_id);
        keccak256(fields.abi_encode_params())
    }
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    /// Its number in the round.
    pub group: u64,
    /// Its members, by claim number.
    pub seats: Vec<Seat>,
    /// Hash of their leaves.
    pub hash: B256,
}

impl Roster {
    /// A group of seats in the order of their numbers.
    pub fn new(group: u64, seats: Vec<Seat>) -> Self {
        let leaves: Vec<u8> = seats.iter().flat_map(|seat| seat.leaf().0).collect();
        Self { group, hash: keccak256(leaves), seats }
    }

    /// The leaves, in order.
    pub fn leaves(&self) -> Vec<B256> {
        self.seats.iter().map(Seat::leaf).collect()
    }

    /// Bit i stands for claim i.
    pub fn members(&self) -> U256 {
        self.seats.iter().fold(U256::ZERO, |bits, seat| bits | bit(seat.number))
    }

    /// The place of a claim.
    pub fn place(&self, number: u64) -> Result<usize, AggregationError> {
        self.seats.iter().position(|seat| seat.number == number).ok_or(AggregationError::NoSeat { number })
    }
}

/// The bit of a claim; none beyond the 256 that a round can have.
pub fn bit(number: u64) -> U256 {
    match usize::try_from(number) {
        Ok(shift) if shift < 256 => U256::ONE << shift,
        _ => U256::ZERO,
    }
}

/// Draws the groups of a round. `seats` are all claims with a key, in order; `block_hash` is that of the claim deadline's block.
pub fn draw(block_hash: B256, round: u64, seats: &[Seat]) -> Vec<Roster> {
    let mut order: Vec<&Seat> = seats.iter().filter(|seat| is_acceptable(&seat.key)).collect();
    let count = order.len();
    if count < MIN_GROUP {
        return Vec::new();
    }
    let groups = count.div_ceil(MAX_GROUP);
    if groups > 1 {
        let seed = keccak256((block_hash, U256::from(round)).abi_encode_params());
        for last in (1..count).rev() {
            let draw = U256::from_be_bytes(keccak256((seed, U256::from(last)).abi_encode_params()).0);
            // invariant: the remainder is below a usize.
            order.swap(last, (draw % U256::from(last + 1)).to::<usize>());
        }
    }
    let (least, longer) = (count / groups, count % groups);
    let mut rest = order.as_slice();
    let group = |group: usize| {
        let (members, more) = rest.split_at(least + usize::from(group < longer));
        rest = more;
        let mut seats: Vec<Seat> = members.iter().map(|seat| (*seat).clone()).collect();
        seats.sort_by_key(|seat| seat.number);
        Roster::new(group as u64, seats)
    };
    (0..groups).map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregation::MaskSecret;

    fn seats(count: u64) -> Vec<Seat> {
        let seat = |number| Seat {
            number,
            claimant: Address::with_last_byte(number as u8),
            key: MaskSecret::random().public(),
            nullifier: B256::with_last_byte(number as u8),
            update_id: B256::repeat_byte(number as u8),
        };
        (0..count).map(seat).collect()
    }

    #[test]
    fn every_claim_gets_one_seat_in_a_group_of_three_to_sixteen() {
        for count in [0, 1, 2, 3, 8, 16, 17, 32, 33, 64, 200] {
            let groups = draw(B256::repeat_byte(count as u8), 5, &seats(count));
            assert_eq!(groups.len() as u64, if count < 3 { 0 } else { count.div_ceil(16) });
            let mut seen = U256::ZERO;
            for group in &groups {
                assert!((3..=16).contains(&group.seats.len()), "{count}: {}", group.seats.len());
                assert!(group.seats.is_sorted_by_key(|seat| seat.number));
                assert_eq!(seen & group.members(), U256::ZERO);
                seen |= group.members();
            }
            let all = if count < 3 { U256::ZERO } else { (U256::ONE << count as usize) - U256::ONE };
            assert_eq!(seen, all);
        }
    }

    #[test]
    fn the_draw_follows_the_block_and_the_round() {
        let seats = seats(40);
        let members = |block, round| {
            draw(B256::repeat_byte(block), round, &seats).iter().map(Roster::members).collect::<Vec<_>>()
        };
        assert_eq!(members(1, 1), members(1, 1));
        assert_ne!(members(1, 1), members(2, 1));
        assert_ne!(members(1, 1), members(1, 2));
    }

    #[test]
    fn a_key_that_gives_no_secret_gets_no_seat() {
        let mut seats = seats(4);
        seats[2].key = B256::ZERO;
        let groups = draw(B256::ZERO, 1, &seats);
        assert_eq!(groups[0].members(), U256::from(0b1011));
        seats[3].key = B256::repeat_byte(0xff);
        assert!(draw(B256::ZERO, 1, &seats).is_empty());
    }
}
