// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {G1Point} from "../libraries/Bn254.sol";
import {ClaimRecord, RoundStatus} from "./IContributionRounds.sol";

/// @notice A member of a group, as its roster names it.
/// @param number Place of its claim in the round.
/// @param claimant Who claimed.
/// @param key The claim's mask key.
/// @param nullifier The claim's nullifier.
/// @param updateId Hash of the update's points.
struct Seat {
    uint256 number;
    address claimant;
    bytes32 key;
    bytes32 nullifier;
    bytes32 updateId;
}

/// @notice What a member posts.
/// @param round The round.
/// @param group Its group.
/// @param place Its place in the roster.
/// @param roster Hashes of all seats of the group, in order.
/// @param seat Its seat.
/// @param update Points of its update, as in its claim.
/// @param masks Commitments of its masks with every other place, in order: one point of 64 bytes for each column of the update.
struct Post {
    uint256 round;
    uint256 group;
    uint256 place;
    bytes32[] roster;
    Seat seat;
    bytes update;
    bytes masks;
}

/// @notice Two posted members that posted different commitments of the mask they share.
/// @param round The round.
/// @param group Their group.
/// @param firstPlace Place of the one that comes first in the roster.
/// @param secondPlace Place of the other one.
/// @param roster Hashes of all seats of the group, in order.
/// @param first Seat of the one that comes first.
/// @param second Seat of the other one.
/// @param firstMasks All masks that the first one posted.
/// @param secondMasks All masks that the other one posted.
/// @param secret Secret key of one of the two.
/// @param secretIsFirsts Whose it is.
/// @param column A column in which they differ.
/// @param commitment The right commitment of that column, proven already.
struct PairDispute {
    uint256 round;
    uint256 group;
    uint256 firstPlace;
    uint256 secondPlace;
    bytes32[] roster;
    Seat first;
    Seat second;
    bytes firstMasks;
    bytes secondMasks;
    bytes32 secret;
    bool secretIsFirsts;
    uint256 column;
    G1Point commitment;
}

/// @notice A posted member whose revealed seed does not give the mask that it posted.
/// @param round The round.
/// @param group Its group.
/// @param number The member.
/// @param missing The member without a post that the seed is shared with.
/// @param seeds All seeds that the member revealed.
/// @param masks All masks that the member posted.
/// @param column A column in which they do not agree.
/// @param commitment The right commitment of that column, proven already.
struct SeedDispute {
    uint256 round;
    uint256 group;
    uint256 number;
    uint256 missing;
    bytes32[] seeds;
    bytes masks;
    uint256 column;
    G1Point commitment;
}

/// @notice A group of a round. Bit i of each set stands for claim i.
/// @param members Its members.
/// @param rosterHash Hash of its seats' hashes, in order.
/// @param posted Those that posted.
/// @param revealed Those that revealed the seeds they share with members that did not.
/// @param faulty Those that lost their bond.
struct Group {
    uint256 members;
    bytes32 rosterHash;
    uint256 posted;
    uint256 revealed;
    uint256 faulty;
}

/// @notice What is kept of a post.
/// @param shareId Commitment id of the member's share.
/// @param masksHash Hash of the masks that it posted.
/// @param seedsHash Hash of the seeds that it revealed, zero before.
/// @param claimant Who posted and gets the bond back; zero when there is no post.
/// @param withdrawn Whether the bond was paid back.
struct Posted {
    bytes32 shareId;
    bytes32 masksHash;
    bytes32 seedsHash;
    address claimant;
    bool withdrawn;
}

/// @notice Why a member lost its bond.
/// @dev Pair: the mask it posted is not the one that it shares with another member. Seed: the seed it revealed does not give the
/// mask it posted. Unrevealed: it did not reveal its seeds in time. Missing: more than half of the other members signed that they
/// could not get its share.
enum Fault {
    None,
    Pair,
    Seed,
    Unrevealed,
    Missing
}

/// @title Secure aggregation: the sum of a group's updates becomes known, no single update does
/// @notice A claim with a mask key is a masked claim. When a round's claims are over, its masked claims are drawn into groups. A
/// member's share is its update plus or minus one mask for each other member; the two members of a pair derive that mask from a seed
/// that only they know. In the sum of all shares of a group the masks cancel. Shares are published off chain. On chain is what makes a
/// share checkable, and a bond that a member loses when it keeps its group from being included.
///
/// | phase   | blocks     | what happens |
/// |---------|------------|--------------|
/// | claims  | before D1  | contributors claim, with a mask key |
/// | shares  | D1 to D2   | groups are drawn; members post the commitments of their masks, and pay the bond |
/// | reveal  | D2 to D3   | where members did not post, the others reveal the seeds they share with those |
/// | dispute | D3 to D4   | faults are shown (disputes about masks from the posts on) |
/// | after   | from D4    | bonds go back |
interface ISecureAggregation {
    /// @notice The rounds contract is known.
    event RoundsBound(address indexed rounds, uint256 claimBlocks, uint256 finalizeBlocks);
    /// @notice A group was drawn. Bit i of `members` stands for claim i.
    event RosterFixed(uint256 indexed round, uint256 indexed group, uint256 members, bytes32 rosterHash);
    /// @notice A member posted: `shareId` is the commitment id of its share.
    event SharePosted(
        uint256 indexed round, uint256 indexed group, uint256 indexed number, bytes32 shareId, bytes masks
    );
    /// @notice A member revealed the seeds that it shares with the members `missing`, in ascending order.
    event SeedsRevealed(
        uint256 indexed round, uint256 indexed group, uint256 indexed number, uint256 missing, bytes32[] seeds
    );
    /// @notice A member lost its bond, and its group cannot be included any more.
    event BondLost(uint256 indexed round, uint256 indexed group, uint256 indexed number, Fault reason);
    /// @notice A bond went back.
    event BondWithdrawn(uint256 indexed round, uint256 indexed group, uint256 indexed number, address claimant);

    /// @notice A constructor argument is zero.
    error ZkPocAggregationZeroArgument();
    /// @notice A phase is longer than block numbers allow for.
    error ZkPocAggregationPhase(uint256 max, uint256 got);
    /// @notice A round must wait longer for a finalization than shares and seeds take.
    error ZkPocAggregationPhases(uint256 moreThan, uint256 got);
    /// @notice Another rounds contract came first.
    error ZkPocAggregationBound(address rounds);
    /// @notice There is no rounds contract yet.
    error ZkPocAggregationNotBound();
    /// @notice The round is not open.
    error ZkPocAggregationNotOpen(uint256 round, RoundStatus got);
    /// @notice Too early a block for this.
    error ZkPocAggregationTooEarly(uint256 notBefore, uint256 got);
    /// @notice Too late a block for this.
    error ZkPocAggregationTooLate(uint256 deadline, uint256 got);
    /// @notice The round's groups were drawn already.
    error ZkPocAggregationFixed(uint256 round);
    /// @notice The hash of the block that draws the groups is gone.
    error ZkPocAggregationNoDraw(uint256 drawBlock, uint256 got);
    /// @notice The records are not those of the round's claims, in order.
    error ZkPocAggregationRecords(bytes32 expected, bytes32 got);
    /// @notice The round has no such group.
    error ZkPocAggregationGroup(uint256 below, uint256 got);
    /// @notice The hashes of the seats are not those of the group's roster.
    error ZkPocAggregationRoster(bytes32 expected, bytes32 got);
    /// @notice The roster has no such place.
    error ZkPocAggregationPlace(uint256 below, uint256 got);
    /// @notice The seat is not the one at this place of the roster.
    error ZkPocAggregationSeat(bytes32 expected, bytes32 got);
    /// @notice The seat, or the post, is someone else's.
    error ZkPocAggregationClaimant(address expected, address got);
    /// @notice The points are not those of the claim's update.
    error ZkPocAggregationUpdate(bytes32 expected, bytes32 got);
    /// @notice Not one point for each column and each other member.
    error ZkPocAggregationMasksLength(uint256 expected, uint256 got);
    /// @notice The masks are not those that the member posted.
    error ZkPocAggregationMasks(bytes32 expected, bytes32 got);
    /// @notice The value sent is not the bond.
    error ZkPocAggregationBond(uint256 expected, uint256 got);
    /// @notice A member posted for this claim, or for a claim of another round with the same shard and model. A second share of the
    /// same update would differ from the first by masks only, and reveal them.
    error ZkPocAggregationPosted(bytes32 nullifier);
    /// @notice The claim is no member of the group that posted.
    error ZkPocAggregationNotPosted(uint256 posted, uint256 number);
    /// @notice The claim is no member of the group that did not post.
    error ZkPocAggregationNotMissing(uint256 missing, uint256 number);
    /// @notice Too few members posted.
    error ZkPocAggregationTooFew(uint256 needed, uint256 got);
    /// @notice Every member posted: there are no seeds to reveal.
    error ZkPocAggregationNoneMissing(uint256 members);
    /// @notice Not one seed for each member that did not post.
    error ZkPocAggregationSeedCount(uint256 expected, uint256 got);
    /// @notice The seeds are not those that the member revealed.
    error ZkPocAggregationSeeds(bytes32 expected, bytes32 got);
    /// @notice The member revealed its seeds.
    error ZkPocAggregationRevealed(uint256 number);
    /// @notice The secret key does not belong to the seat's key.
    error ZkPocAggregationSecret(bytes32 expected, bytes32 got);
    /// @notice The update has no such column.
    error ZkPocAggregationColumn(uint256 below, uint256 got);
    /// @notice The two posted the same commitment of this column.
    error ZkPocAggregationSame(uint256 column);
    /// @notice Nobody proved what this column of the mask of this seed commits to, or it is not this.
    error ZkPocAggregationNotProven(bytes32 seed, uint256 column);
    /// @notice Nothing new is shown: whoever posted another commitment than this one has lost its bond already.
    error ZkPocAggregationNoFault();
    /// @notice The member lost its bond.
    error ZkPocAggregationFaulty(uint256 number);
    /// @notice Someone votes who did not post, or the member itself.
    error ZkPocAggregationVoters(uint256 allowed, uint256 got);
    /// @notice Too few votes, or not one signature for each.
    error ZkPocAggregationVotes(uint256 needed, uint256 got);
    /// @notice A vote is not signed by the voter at its place.
    error ZkPocAggregationVote(uint256 position, address expected, address got);
    /// @notice The round's finalization includes the member, so its share cannot have been missing.
    error ZkPocAggregationIncluded(uint256 number);
    /// @notice The bond was paid back.
    error ZkPocAggregationWithdrawn(uint256 number);
    /// @notice The claimant does not take its bond.
    error ZkPocAggregationTransfer(address claimant);
    /// @notice A group is included, but not exactly its members that posted.
    error ZkPocAggregationPartly(uint256 expected, uint256 got);
    /// @notice A group is included in which not all members that posted have revealed their seeds.
    error ZkPocAggregationUnrevealed(uint256 expected, uint256 got);
    /// @notice A group is included in which a member lost its bond.
    error ZkPocAggregationSpoilt(uint256 group, uint256 faulty);
    /// @notice Claims with a mask key are included that are in no group.
    error ZkPocAggregationOutside(uint256 allowed, uint256 got);

    /// @notice Makes the caller the rounds contract, for good. The first call counts; a rounds contract makes it when it is
    /// deployed.
    /// @param claimBlocks Blocks in which its rounds take claims.
    /// @param finalizeBlocks Blocks after that in which they must find a first finalization.
    function bind(uint40 claimBlocks, uint40 finalizeBlocks) external;

    /// @notice Draws the groups of a round. Anyone may call it, once for a round, from one block after D1 until D2, and at most 256
    /// blocks after D1.
    /// @param round The round.
    /// @param records Every claim of the round, in order.
    function fixRoster(uint256 round, ClaimRecord[] calldata records) external;

    /// @notice Posts the commitments of a member's masks; the value sent is its bond. Only the claimant, before D2, while the round
    /// is open. One post for each shard and model, over all rounds.
    /// @param request What is posted.
    function postShare(Post calldata request) external payable;

    /// @notice Reveals the seeds that a member shares with members that did not post. Only the account that posted, from D2 until
    /// before D3, once.
    /// @param round The round.
    /// @param group Its group.
    /// @param number The member.
    /// @param seeds One seed for each member without a post, in ascending order.
    function revealSeeds(uint256 round, uint256 group, uint256 number, bytes32[] calldata seeds) external;

    /// @notice Shows that two members posted different commitments of the mask they share, and which of them is wrong. Anyone who
    /// has the secret mask key of one of the two may call it, before D4. The call makes that secret key public.
    /// @param request The two, and what is right.
    function disputePair(PairDispute calldata request) external;

    /// @notice Shows that a revealed seed does not give the posted mask. Anyone may call it, before D4.
    /// @param request The member, and what is right.
    function disputeSeed(SeedDispute calldata request) external;

    /// @notice Shows that a member kept its seeds back. Anyone may call it, between D3 and D4.
    /// @param round The round.
    /// @param group Its group.
    /// @param number The member.
    function faultUnrevealed(uint256 round, uint256 group, uint256 number) external;

    /// @notice Shows by signatures that more than half of the other members that posted, and at least two, did not get a member's
    /// share. Anyone may call it, from D3 until before D4, unless the round's finalization includes the member. It reverts for a group
    /// that cannot be included any more, because a member lost its bond or seeds were not revealed: no share is owed there.
    /// @param round The round.
    /// @param group Its group.
    /// @param number The member.
    /// @param voters Bit i stands for the member of claim i.
    /// @param signatures A signature of `missingDigest` for each voter, in ascending order.
    function faultMissing(uint256 round, uint256 group, uint256 number, uint256 voters, bytes[] calldata signatures)
        external;

    /// @notice Pays a bond back to who posted. Anyone may call it, from D4 on, once.
    /// @param round The round.
    /// @param group Its group.
    /// @param number The member.
    function withdrawBond(uint256 round, uint256 group, uint256 number) external;

    /// @notice Reverts unless the included claims with a mask key are whole groups: exactly the members that posted, at least
    /// three, all seeds revealed that are needed, nobody at fault; and not before D2.
    /// @param round The round.
    /// @param included Bit i stands for claim i.
    /// @param masked The round's claims with a mask key.
    /// @return settleNotBefore D3 if the claims leave out a group that can still become whole by then, so that a finalization with that
    /// group gets its chance; otherwise zero.
    function requireWhole(uint256 round, uint256 included, uint256 masked)
        external
        view
        returns (uint256 settleNotBefore);

    /// @notice The rounds contract; zero until it is bound.
    function rounds() external view returns (address);

    /// @notice What a member pays when it posts.
    function BOND() external view returns (uint256);

    /// @notice The blocks in which a round's phases end.
    /// @param round The round.
    /// @return d1 Claims end, groups can be drawn from the block after it.
    /// @return d2 Posts end.
    /// @return d3 Seeds end.
    /// @return d4 Disputes end, bonds go back.
    function deadlinesOf(uint256 round) external view returns (uint256 d1, uint256 d2, uint256 d3, uint256 d4);

    /// @notice Whether the groups of a round were drawn.
    /// @param round The round.
    function isFixed(uint256 round) external view returns (bool);

    /// @notice The number of groups of a round.
    /// @param round The round.
    function groupCount(uint256 round) external view returns (uint256);

    /// @notice A group.
    /// @param round The round.
    /// @param group Its number, from zero.
    function groupInfo(uint256 round, uint256 group) external view returns (Group memory);

    /// @notice What is kept of a post; all zero when there is none.
    /// @param round The round.
    /// @param number Place of the claim in the round.
    function postOf(uint256 round, uint256 number) external view returns (Posted memory);

    /// @notice Whether there was a post for this shard and model in any round. A post in a group of which fewer than three members
    /// posted in time does not count, since members of such a group publish no shares.
    /// @param nullifier Nullifier of the claim.
    function isPosted(bytes32 nullifier) external view returns (bool);

    /// @notice The digest that a member signs to say that it did not get another member's share (EIP-712).
    /// @param round The round.
    /// @param number The member whose share is missing.
    /// @param shareId Commitment id of the missing share.
    function missingDigest(uint256 round, uint256 number, bytes32 shareId) external view returns (bytes32);
}
