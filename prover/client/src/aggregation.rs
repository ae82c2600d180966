//! Verifiable secure aggregation: the sum of a group's updates becomes known, and nothing else of any of them.
//!
//! Every pair of a group agrees on a mask for every cell of their updates; one adds it, the other subtracts it. What a member
//! publishes, its **share**, is uniform to everyone who lacks one of its masks, and the shares of all add up to the sum of the
//! updates. Commitments add up in the same way, so every share is checked on its own:
//! `Com(share_a) = Com(update_a) + sum_{b later} Com(mask_ab) - sum_{b earlier} Com(mask_ba)`, where the first point is that of
//! the claim's proof and the others are what both ends of each pair put on chain.
//!
//! - [`keys`]: the key of a claim, and the seed that a pair derives;
//! - [`mask`]: from a seed to a mask;
//! - [`roster`]: who is in a group, as everyone computes it from the chain;
//! - [`share`]: shares, what they must open, and the sum of a group;
//! - [`crate::exchange::share`]: a share as a file;
//! - [`crate::exchange::complaint`]: a member's word that another one's share is not to be had;
//! - [`state`]: what a member does next, as a function of what the chain says;
//! - [`crate::home::journal`]: which sum an update was promised to, for good.
//!
//! The messages, deadlines and what each party learns are in the book's `secure-aggregation.md`.
//!
//! # Soundness
//! Masks are nobody's word: whatever the points of the masks are, they cancel in the sum of a group's shares if both ends of
//! each pair name the same ones, which the chain shows. So a sum that opens is the sum of the proven updates.
//!
//! # Privacy
//! A share is published once, for one roster, and for one update ([`crate::home::journal`]): two sums over one update, with other members
//! each, would give differences away. A group in which `n` members posted, `c` of them colluding, hides each other member's
//! update among the `n - c`; with `c = n - 1` there is nothing to hide it among.
//!
//! # Errors
//! [`AggregationError`].
//!
//! # Source
//! Bonawitz et al., "Practical Secure Aggregation for Privacy-Preserving Machine Learning", CCS 2017, for pairwise masks; the
//! commitments, the public roster and one share a claim are this protocol's own.

use alloy::primitives::{Address, B256};

use crate::formats::FormatError;
use zkpoc_circuits::ErrorKind;
use zkpoc_engine::encoding::PointError;

pub mod keys;
pub mod mask;
pub mod roster;
pub mod share;
pub mod state;

pub use keys::{MaskSecret, PairSeed};
pub use mask::MaskShape;
pub use roster::{Roster, Seat};
pub use share::Share;

/// Fewest members of a group: with two, each knows the other's update from the sum.
pub const MIN_GROUP: usize = 3;
/// Most members of a group: each computes a commitment for every other.
pub const MAX_GROUP: usize = 16;

/// A step of the protocol that cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum AggregationError {
    /// A key that gives no secret.
    #[error("the mask key {key} of claim {number} is not acceptable: {reason}")]
    Key {
        /// The claim.
        number: u64,
        /// Its key.
        key: B256,
        /// Why.
        reason: &'static str,
    },
    /// The chain's roster is not what the claims give.
    #[error("round {round}, group {group}: the chain's roster is {found}, the round's claims give {expected}; is the node complete?")]
    Roster {
        /// The round.
        round: u64,
        /// The group.
        group: u64,
        /// Hash of the roster computed from the claims.
        expected: B256,
        /// The chain's.
        found: B256,
    },
    /// A member that is not in the group.
    #[error("claim {number} has no seat in this group")]
    NoSeat {
        /// The claim.
        number: u64,
    },
    /// Not the points of the masks with all other members.
    #[error("expected {expected} points of masks, found {found}")]
    Points {
        /// Points expected.
        expected: usize,
        /// Points found.
        found: usize,
    },
    /// Bytes that are no point of an update or of a mask.
    #[error("a point of an update or of a mask: {0}")]
    Point(#[from] PointError),
    /// A share of another shape.
    #[error("a share has {expected} cells, found {found}")]
    Cells {
        /// Cells of the profile's shares.
        expected: usize,
        /// Cells found.
        found: usize,
    },
    /// A share that does not open its points.
    #[error("the share of claim {number} is not the one it posted: expected id {expected}, it has {found}")]
    Share {
        /// The claim.
        number: u64,
        /// Id on chain.
        expected: B256,
        /// Id of what was found.
        found: B256,
    },
    /// A sum with a cell that no updates can add up to.
    #[error(
        "column {column}, row {row} of the group's sum is no sum of {members} updates; a mask is missing or wrong"
    )]
    Sum {
        /// The column.
        column: usize,
        /// The row.
        row: usize,
        /// Members of the sum.
        members: usize,
    },
    /// The update was promised to another sum.
    #[error("this update was promised to the sum of {account}'s claim {number} in round {round} of {contract} (roster {roster}): one update is never in two sums, as their difference would give it away; take part when another shard is drawn or the model has changed")]
    Promised {
        /// The claimant then.
        account: Address,
        /// The claim.
        number: u64,
        /// The round.
        round: u64,
        /// The contract.
        contract: Address,
        /// The roster.
        roster: B256,
    },
    /// The share may not be published any more.
    #[error("claim {number} of round {round} posted no share in time; its masks are public now, so its share must stay here for good")]
    Barred {
        /// The round.
        round: u64,
        /// The claim.
        number: u64,
    },
    /// Content that is not in its format.
    #[error("{origin}: {source}")]
    Format {
        /// The file or URL.
        origin: String,
        /// What is wrong.
        source: Box<FormatError>,
    },
    /// A file.
    #[error(transparent)]
    File(#[from] zkpoc_prover::fsio::FsError),
}

impl AggregationError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::File(error) => error.kind(),
            _ => ErrorKind::Input,
        }
    }
}
