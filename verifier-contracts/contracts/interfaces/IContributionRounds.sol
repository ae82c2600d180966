// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {G1Point} from "../libraries/Bn254.sol";

/// @notice Where a round is in its life.
enum RoundStatus {
    None,
    Open,
    Closed
}

/// @notice A round, packed into three slots.
/// @param modelId Commitment id of the round's model.
/// @param beacon Hash of the beacon block, zero until the round is sealed.
/// @param remaining What the round can still pay.
/// @param modelSetAt Block in which the model was first set.
/// @param openedAt Block in which the round was opened.
/// @param beaconBlock Block whose hash is the beacon.
/// @param claims Number of paid claims.
/// @param status Where it is in its life.
struct Round {
    bytes32 modelId;
    bytes32 beacon;
    uint96 remaining;
    uint40 modelSetAt;
    uint40 openedAt;
    uint40 beaconBlock;
    uint32 claims;
    RoundStatus status;
}

/// @notice A claim for the shard that the beacon drew.
/// @param round The round.
/// @param root The claimant's dataset.
/// @param commitment Registered commitment of the drawn shard.
/// @param path Siblings from its leaf up.
/// @param normLog2 The proof's bound on the update's squared norm, as a power of two.
/// @param lossLog2 The proof's bound on the loss, as a power of two.
/// @param proof Proof of the training circuit.
/// @param link Link between the registered commitment and the proof's data point.
/// @param datasetProof Validity proof of the shard, empty when it is validated already.
/// @param datasetLink Its link, empty when it is validated already.
struct Claim {
    uint256 round;
    bytes32 root;
    G1Point commitment;
    bytes32[10] path;
    uint8 normLog2;
    uint8 lossLog2;
    bytes proof;
    bytes link;
    bytes datasetProof;
    bytes datasetLink;
}

/// @title One sequential chain of training rounds
interface IContributionRounds {
    /// @notice The pool has its first model.
    event GenesisSet(bytes32 indexed modelId, bytes32 indexed profileId);
    /// @notice A round was opened.
    event RoundOpened(uint256 indexed round, bytes32 indexed modelId, uint256 modelSetAt, uint256 beaconBlock);
    /// @notice A round's beacon is known.
    event RoundSealed(uint256 indexed round, uint256 beaconBlock, bytes32 beacon);
    /// @notice A beacon block's hash was not stored in time; a later block takes its place.
    event BeaconMissed(uint256 indexed round, uint256 missedBlock, uint256 beaconBlock);
    /// @notice A round takes no more claims.
    event RoundClosed(uint256 indexed round, uint256 claims, uint256 unspent);
    /// @notice A contribution was proven and paid. `updateId` is the commitment id of the update.
    event ContributionProven(
        uint256 indexed round,
        address indexed claimant,
        bytes32 indexed subject,
        bytes32 root,
        uint256 index,
        bytes32 updateId,
        bytes32 nullifier,
        uint8 normLog2,
        uint8 lossLog2,
        uint256 reward
    );

    /// @notice A constructor argument is zero.
    error ZkPocRoundsZeroArgument();
    /// @notice A round must last longer than its beacon takes.
    error ZkPocRoundsLength(uint256 moreThan, uint256 got);
    /// @notice The pool has its first model already.
    error ZkPocRoundsGenesisSet(bytes32 profileId);
    /// @notice The pool has no model yet.
    error ZkPocRoundsNoGenesis();
    /// @notice A model or profile id is zero.
    error ZkPocRoundsZeroId();
    /// @notice The round is not open.
    error ZkPocRoundsNotOpen(uint256 round, RoundStatus got);
    /// @notice The round before is still open.
    error ZkPocRoundsStillOpen(uint256 round);
    /// @notice The round has not lasted its minimum length.
    error ZkPocRoundsTooEarly(uint256 notBefore, uint256 got);
    /// @notice The round's beacon is not known yet.
    error ZkPocRoundsNotSealed(uint256 round);
    /// @notice The round's beacon is known already.
    error ZkPocRoundsSealed(uint256 round);
    /// @notice The dataset belongs to someone else.
    error ZkPocRoundsNotOwner(address expected, address got);
    /// @notice The dataset was committed for another profile.
    error ZkPocRoundsProfile(bytes32 expected, bytes32 got);
    /// @notice The dataset was registered when the round's model was known.
    error ZkPocRoundsRegisteredLate(uint256 before, uint256 got);
    /// @notice Another root of the subject took this one's place before the round's model was set.
    error ZkPocRoundsSuperseded(uint256 notBefore, uint256 got);
    /// @notice The path does not lead from the drawn shard to the root.
    error ZkPocRoundsNotInRoot(bytes32 expected, bytes32 got);
    /// @notice The shard was paid for this model already.
    error ZkPocRoundsNullifierUsed(bytes32 nullifier);
    /// @notice The shard was not proven well-formed, and no proof came along.
    error ZkPocRoundsNotValidated(bytes32 root, uint256 index);
    /// @notice The proof has another length than the circuit's.
    error ZkPocRoundsProofLength(uint256 expected, uint256 got);
    /// @notice The proof is about another model.
    error ZkPocRoundsModel(bytes32 expected, bytes32 got);
    /// @notice A bound's exponent does not fit the field.
    error ZkPocRoundsBound(uint256 max, uint256 got);
    /// @notice The round cannot pay this reward any more.
    error ZkPocRoundsBudget(uint256 remaining, uint256 got);

    /// @notice Sets the pool's first model and opens round 1.
    /// @param modelId Commitment id of the model.
    /// @param profileId The pool's profile, for good.
    function openGenesis(bytes32 modelId, bytes32 profileId) external;

    /// @notice Opens the next round, when the one before is closed.
    /// @param modelId Commitment id of its model; it may be the same as before.
    function openRound(bytes32 modelId) external;

    /// @notice Ends the current round, when it has lasted its minimum length.
    function closeRound() external;

    /// @notice Stores the beacon of the current round, or names a new beacon block when the hash is gone. Anyone may call it.
    /// @param round The current round.
    function seal(uint256 round) external;

    /// @notice Checks a contribution and pays it to the sender.
    /// @param request What is claimed, with its proofs.
    /// @return reward What was minted.
    function claim(Claim calldata request) external returns (uint256 reward);

    /// @notice The latest round's number; zero before the first one.
    function currentRound() external view returns (uint256);

    /// @notice The pool's profile; zero before the first round.
    function profileId() external view returns (bytes32);

    /// @notice A round.
    /// @param number Its number, from 1.
    function roundInfo(uint256 number) external view returns (Round memory);

    /// @notice The shard that a sealed round draws from a dataset.
    /// @param number The round.
    /// @param root The dataset.
    function drawnIndex(uint256 number, bytes32 root) external view returns (uint256);

    /// @notice The context that a claim's proof and link are bound to.
    /// @param number The round.
    /// @param claimant Who claims.
    /// @param subject Subject of the dataset.
    /// @param root The dataset.
    /// @param index The drawn shard.
    function trainingContext(uint256 number, address claimant, bytes32 subject, bytes32 root, uint256 index)
        external
        view
        returns (uint256);

    /// @notice Whether a contribution with this nullifier was paid.
    /// @param nullifier The nullifier.
    function isSpent(bytes32 nullifier) external view returns (bool);
}
