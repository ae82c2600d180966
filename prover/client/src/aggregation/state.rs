//! What a member does next, as a function of what the chain says and of what it did: no clock, no network, no randomness.
//!
//! ```text
//!            D1              D2 (+ confirmations)       D3               D4
//! claim ──► fix the roster ─► publish the share ───────► faults ────────► take the bond back
//!           post M, pay bond  reveal seeds of the missing  finalize, acknowledge
//! ```
//!
//! | before | may happen | otherwise |
//! |---|---|---|
//! | D1, the claim deadline | claims | |
//! | D2, the share deadline | the roster is fixed; members post | who did not post never publishes |
//! | D3, the reveal deadline | shares are published; seeds of missing members are revealed | who did not reveal loses its bond |
//! | D4, the dispute deadline | disputes; complaints from D3 on | the bond comes back |
//!
//! # Why one sum
//! A share is published only [`Chain::confirmations`] blocks after D2, when no post can come or go any more: the set of members whose
//! shares are in the sum is the same for everyone, and seeds are revealed for the others only. A member whose post is not
//! there by then never publishes ([`Step::Bar`]), so its revealed masks cover nothing.
//!
//! # Errors
//! None: whatever the chain says, there is a next step.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use alloy::primitives::B256;
use halo2_proofs::halo2curves::bn256::G1Affine;

use super::{PairSeed, Roster, MIN_GROUP};

/// Blocks that must be left to reveal in.
const REVEAL_MARGIN: u64 = 10;

/// Whether the blocks between the last confirmation of posts and the deadline for revealing are enough to reveal in.
pub fn require_time(phases: &Phases, confirmations: u64) -> Result<(), &'static str> {
    let settled = phases.shares.saturating_add(confirmations);
    match settled.saturating_add(REVEAL_MARGIN) < phases.reveals {
        true => Ok(()),
        false => Err(
            "the pool leaves too few blocks between the confirmations of the posts and the deadline for revealing; make a plain claim, or claim elsewhere",
        ),
    }
}

/// The blocks in which the phases of a round end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phases {
    /// D1: claims end.
    pub claims: u64,
    /// D2: posts end.
    pub shares: u64,
    /// D3: reveals end.
    pub reveals: u64,
    /// D4: disputes end.
    pub disputes: u64,
}

/// What a member posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Id of its share.
    pub share_id: B256,
    /// Points of its masks with the other places, in order.
    pub masks: Vec<Vec<G1Affine>>,
}

impl Post {
    /// The points of the mask between `own`, whose post this is, and `other`.
    pub fn mask(&self, own: usize, other: usize) -> Option<&[G1Affine]> {
        let index = match other {
            other if other == own => return None,
            other if other > own => other - 1,
            other => other,
        };
        self.masks.get(index).map(Vec::as_slice)
    }
}

/// What the chain says of a member's group.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Latest block.
    pub block: u64,
    /// Blocks after which nothing is undone.
    pub confirmations: u64,
    /// The phases.
    pub phases: Phases,
    /// Whether the round's groups are fixed.
    pub fixed: bool,
    /// The member's group, if it has a seat in one.
    pub roster: Option<Roster>,
    /// Posts by place.
    pub posts: BTreeMap<usize, Post>,
    /// Places that the contract has a post of, but the node no event: what they posted is not known, and nothing may rest on it.
    pub posts_unseen: BTreeSet<usize>,
    /// Seeds by the place of who revealed them, in the order of the missing places.
    pub reveals: BTreeMap<usize, Vec<PairSeed>>,
    /// Places that lost their bond.
    pub faulty: BTreeSet<usize>,
    /// Whether the round is settled or void.
    pub ended: bool,
    /// Whether the round's finalization includes the group.
    pub included: bool,
}

/// What the member did itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    /// Its claim's place in the round.
    pub number: u64,
    /// It published its share.
    pub published: bool,
    /// It has its bond back.
    pub withdrawn: bool,
    /// It noted that the share must never be published.
    pub barred: bool,
}

/// Why a group is not in the sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Void {
    /// Fewer than three members posted.
    TooFew {
        /// How many did.
        posts: usize,
    },
    /// Both ends of a pair posted, and named different points.
    Disagreement {
        /// A place.
        one: usize,
        /// The other.
        other: usize,
    },
    /// A member did not reveal in time.
    Unrevealed {
        /// Its place.
        place: usize,
    },
    /// A member is at fault.
    Fault {
        /// Its place.
        place: usize,
    },
}

impl fmt::Display for Void {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFew { posts } => {
                write!(f, "{posts} members posted a share, three are needed: the group is void, and nobody's masks are revealed")
            }
            Self::Disagreement { one, other } => {
                write!(f, "the members at places {one} and {other} name different masks: the group is void, and nobody publishes")
            }
            Self::Unrevealed { place } => {
                write!(f, "the member at place {place} did not reveal the seeds of missing members")
            }
            Self::Fault { place } => write!(f, "the member at place {place} was found at fault"),
        }
    }
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing before a block.
    Wait {
        /// The block.
        until: u64,
        /// What for.
        reason: &'static str,
    },
    /// Have the round's groups fixed.
    FixRoster,
    /// Post the points of the masks, with the bond.
    Post,
    /// Note that the share is never published.
    Bar,
    /// Publish the share.
    Publish,
    /// Put on chain the seeds of the pairs with these places.
    Reveal {
        /// The places.
        missing: Vec<usize>,
    },
    /// Show that the other end of a pair named a wrong point, by the own secret key: nothing is published in this group.
    Dispute {
        /// Its place.
        other: usize,
    },
    /// Wait for the round's end; acknowledge the next model when it is there.
    AwaitEnd,
    /// Take the bond back.
    Withdraw,
    /// Nothing is left to do.
    Done(Outcome),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wait { until, reason } => write!(f, "wait until block {until}: {reason}"),
            Self::FixRoster => f.write_str("have the round's groups fixed"),
            Self::Post => f.write_str("post the commitments of the masks, with the bond"),
            Self::Bar => f.write_str("note that the share is never published: nothing was posted in time"),
            Self::Publish => f.write_str("publish the share"),
            Self::Reveal { missing } => {
                write!(f, "reveal the seeds shared with {} members that posted nothing", missing.len())
            }
            Self::Dispute { other } => write!(f, "show that the member at place {other} named a wrong mask"),
            Self::AwaitEnd => f.write_str("wait for the next model and acknowledge it"),
            Self::Withdraw => f.write_str("take the bond back"),
            Self::Done(outcome) => write!(f, "nothing: {outcome}"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("the group was whole"),
            Self::Void(void) => void.fmt(f),
            Self::NoGroup => f.write_str(
                "the claim is in no group: fewer than three claims had a mask key, or nobody fixed the groups",
            ),
            Self::Late => f.write_str("it posted nothing in time"),
            Self::AtFault => f.write_str("it lost its bond"),
        }
    }
}

/// How it ended for a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The group was whole.
    Whole,
    /// The group is void.
    Void(Void),
    /// No group: fewer than three claims with a key, or nobody fixed them in time.
    NoGroup,
    /// It posted nothing in time.
    Late,
    /// It lost its bond.
    AtFault,
}

impl Chain {
    /// Places without a post.
    pub fn missing(&self) -> Vec<usize> {
        let seats = self.roster.as_ref().map_or(0, |roster| roster.seats.len());
        (0..seats).filter(|place| !self.posts.contains_key(place)).collect()
    }

    /// Pairs of posted members that named different points, in order.
    pub fn disagreements(&self) -> Vec<(usize, usize)> {
        let mut out = Vec::new();
        for (one, post) in &self.posts {
            for (other, theirs) in self.posts.range(one + 1..) {
                if post.mask(*one, *other) != theirs.mask(*other, *one) {
                    out.push((*one, *other));
                }
            }
        }
        out
    }

    /// Why the group can not be in the sum, as far as the chain shows; only meaningful when posts cannot change any more.
    pub fn void(&self) -> Option<Void> {
        if self.posts.len() < MIN_GROUP {
            return Some(Void::TooFew { posts: self.posts.len() });
        }
        if let Some((one, other)) = self.disagreements().first().copied() {
            return Some(Void::Disagreement { one, other });
        }
        if let Some(place) = self.faulty.first().copied() {
            return Some(Void::Fault { place });
        }
        let late = self.block >= self.phases.reveals && !self.missing().is_empty();
        let unrevealed = self.posts.keys().find(|place| !self.reveals.contains_key(place)).copied();
        unrevealed.filter(|_| late).map(|place| Void::Unrevealed { place })
    }

    /// Refuses a round in which who posts could not reveal in time: it would lose its bond without any fault of its own.
    pub fn require_time(&self) -> Result<(), &'static str> {
        require_time(&self.phases, self.confirmations)
    }

    /// Whether all that the group's sum needs, but the shares, is on chain.
    pub fn is_whole(&self) -> bool {
        let revealed = self.missing().is_empty() || self.posts.keys().all(|place| self.reveals.contains_key(place));
        self.roster.is_some() && self.posts_unseen.is_empty() && self.void().is_none() && revealed
    }
}

/// The next step of a member.
pub fn next(chain: &Chain, own: &Own) -> Step {
    let Phases { claims, shares, reveals, disputes } = chain.phases;
    let block = chain.block;
    if block <= claims {
        return Step::Wait { until: claims + 1, reason: "the round takes claims" };
    }
    if !chain.fixed {
        return match block + 1 < shares {
            true => Step::FixRoster,
            false => Step::Done(Outcome::NoGroup),
        };
    }
    let Some(roster) = &chain.roster else { return Step::Done(Outcome::NoGroup) };
    let Ok(place) = roster.place(own.number) else { return Step::Done(Outcome::NoGroup) };
    let settled = shares.saturating_add(chain.confirmations);
    if !chain.posts.contains_key(&place) {
        return match block {
            // What is sent in a block is mined in the next one at the earliest.
            block if block + 1 < shares => Step::Post,
            // Until then a post that is under way can still come to be seen.
            block if block < settled => Step::Wait { until: settled, reason: "the posts become final" },
            _ if chain.posts_unseen.contains(&place) => {
                Step::Wait { until: block + 1, reason: "the node shows its post, but not the event of it" }
            }
            _ if !own.barred => Step::Bar,
            _ => Step::Done(Outcome::Late),
        };
    }
    if chain.faulty.contains(&place) {
        return Step::Done(Outcome::AtFault);
    }
    if block < settled {
        return Step::Wait { until: settled, reason: "members post the points of their masks" };
    }
    if !chain.posts_unseen.is_empty() {
        return Step::Wait { until: block + 1, reason: "the node shows posts of members, but not the events of them" };
    }
    let void = chain.void();
    // Seeds of members without a post are revealed even when the group is void for another reason: they cover nothing, as those
    // members never publish, and whoever withholds them loses its bond.
    let missing = chain.missing();
    let owes = !missing.is_empty() && chain.posts.len() >= MIN_GROUP && !chain.reveals.contains_key(&place);
    if owes && block + 1 < reveals {
        return Step::Reveal { missing };
    }
    // Nobody publishes in such a group, and the contract lets its members post again: its shares must stay here for good.
    if matches!(void, Some(Void::TooFew { .. })) && !own.barred && !own.published {
        return Step::Bar;
    }
    if void.is_none() && !own.published && !own.barred && !chain.ended {
        return Step::Publish;
    }
    if block < disputes {
        let mine = chain.disagreements().into_iter().find_map(|(one, other)| match place {
            place if place == one => Some(other),
            place if place == other => Some(one),
            _ => None,
        });
        return match mine.filter(|other| !chain.faulty.contains(other)) {
            Some(other) => Step::Dispute { other },
            None if void.is_none() && !chain.ended => Step::AwaitEnd,
            None => Step::Wait { until: disputes, reason: "disputes end, then the bond comes back" },
        };
    }
    if !own.withdrawn {
        return Step::Withdraw;
    }
    Step::Done(void.map_or(Outcome::Whole, Outcome::Void))
}

#[cfg(test)]
mod tests;
