// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {G1Point} from "../libraries/Bn254.sol";
import {SHARD_TREE_DEPTH} from "../libraries/ShardTree.sol";
import {ModelId, ProfileId, Root, Subject} from "./Ids.sol";

/// @notice Where a round is in its life.
/// @dev Open: takes claims until its claim deadline, then finalizations. Settled: its claims are paid, the next round has its
/// next model. Void: nobody finalized it in time, nothing is paid, the next round has the same model.
enum RoundStatus {
    None,
    Open,
    Settled,
    Void
}

/// @notice A round, packed into three slots.
/// @param modelId Commitment id of the round's model.
/// @param beacon Hash of the beacon block, zero until the round is sealed.
/// @param remaining What the round can still promise.
/// @param modelSetAt Datasets registered before this block can be claimed with. It is the claim deadline of the round that produced
/// the model; if a later round about the same model ended without claims, it is the block in which that one ended.
/// @param openedAt Block in which the round was opened.
/// @param beaconBlock Block whose hash is the beacon.
/// @param claims Number of claims.
/// @param status Where it is in its life.
struct Round {
    ModelId modelId;
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
/// @param maskKey Key of the claim's masks (X25519), for a share in a group's sum; zero for a plain claim.
/// @param proof Proof of the training circuit.
/// @param link Link between the registered commitment and the proof's data point.
/// @param datasetProof Validity proof of the shard, empty when it is validated already.
/// @param datasetLink Its link, empty when it is validated already.
struct Claim {
    uint256 round;
    Root root;
    G1Point commitment;
    bytes32[SHARD_TREE_DEPTH] path;
    uint8 normLog2;
    uint8 lossLog2;
    bytes32 maskKey;
    bytes proof;
    bytes link;
    bytes datasetProof;
    bytes datasetLink;
}

/// @notice The finalization of a round that stands, until one with more claims takes its place or the round is settled.
/// @param modelId Commitment id of the next model.
/// @param included Bit i stands for claim i.
/// @param settleFrom Block from which the round can be settled.
/// @param count Number of included claims, zero when there is no finalization.
struct Proposal {
    ModelId modelId;
    uint256 included;
    uint40 settleFrom;
    uint32 count;
}

/// @notice What is known of a claim; a round keeps its hash.
/// @param claimant Who claimed.
/// @param reward What it was promised.
/// @param nullifier What its payment uses up.
/// @param maskKey Key of its masks, zero for a plain claim.
/// @param update The update's points, as in the claim's proof.
struct ClaimRecord {
    address claimant;
    uint96 reward;
    bytes32 nullifier;
    bytes32 maskKey;
    bytes update;
}

/// @notice The next model of a round, with its proof.
/// @param round The current round.
/// @param included Bit i stands for claim i.
/// @param records Every claim of the round, included or not, in order.
/// @param proof Proof of the round circuit without the points of the sum: the contract adds up and puts in its own.
/// @param acknowledgements For each claim its claimant's signature that it holds the next model, or nothing; more than half
/// must be there.
struct Finalization {
    uint256 round;
    uint256 included;
    ClaimRecord[] records;
    bytes proof;
    bytes[] acknowledgements;
}

/// @title One sequential chain of training rounds
interface IContributionRounds {
    /// @notice The pool has its first model, which is the public start model of `seed` if anyone finds the same id for it.
    event GenesisSet(ModelId indexed modelId, ProfileId indexed profileId, bytes32 seed);
    /// @notice A round was opened.
    event RoundOpened(uint256 indexed round, ModelId indexed modelId, uint256 modelSetAt, uint256 beaconBlock);
    /// @notice A round's beacon is known.
    event RoundSealed(uint256 indexed round, uint256 beaconBlock, bytes32 beacon);
    /// @notice A beacon block's hash was not stored in time; a later block takes its place.
    event BeaconMissed(uint256 indexed round, uint256 missedBlock, uint256 beaconBlock);
    /// @notice A finalization stands. It can be settled from block `settleFrom` on.
    event RoundFinalized(
        uint256 indexed round, ModelId indexed modelId, uint256 included, uint256 count, uint256 settleFrom
    );
    /// @notice A round has ended; its included claims got `paid` in all.
    event RoundSettled(uint256 indexed round, ModelId indexed modelId, uint256 paid);
    /// @notice A round has ended without a finalization.
    event RoundVoided(uint256 indexed round, uint256 claims);
    /// @notice A contribution was paid.
    event ContributionPaid(uint256 indexed round, address indexed claimant, bytes32 nullifier, uint256 reward);
    /// @notice A contribution was proven. `number` is its place in the round, from zero; `update` are the points of the update;
    /// `reward` is paid if the round's finalization includes it; `maskKey` is zero for a plain claim.
    event ContributionProven(
        uint256 indexed round,
        address indexed claimant,
        Subject indexed subject,
        uint256 number,
        Root root,
        uint256 index,
        bytes update,
        bytes32 nullifier,
        uint8 normLog2,
        uint8 lossLog2,
        uint256 reward,
        bytes32 maskKey
    );

    /// @notice A claim of a batch was not recorded. `place` is its place in the batch, `reason` the error that says why.
    event ClaimRefused(uint256 indexed round, address indexed sender, uint256 place, bytes reason);

    /// @notice A constructor argument is zero.
    error ZkPocRoundsZeroArgument();
    /// @notice A round must last longer than its beacon takes.
    error ZkPocRoundsLength(uint256 moreThan, uint256 got);
    /// @notice A phase is longer than block numbers allow for.
    error ZkPocRoundsPhase(uint256 max, uint256 got);
    /// @notice The pool has its first model already.
    error ZkPocRoundsGenesisSet(ProfileId profileId);
    /// @notice A profile id is zero.
    error ZkPocRoundsZeroId();
    /// @notice The round is not open.
    error ZkPocRoundsNotOpen(uint256 round, RoundStatus got);
    /// @notice Too early a block for this.
    error ZkPocRoundsTooEarly(uint256 notBefore, uint256 got);
    /// @notice Too late a block for this.
    error ZkPocRoundsTooLate(uint256 deadline, uint256 got);
    /// @notice The round has as many claims as the round circuit can add up.
    error ZkPocRoundsFull(uint256 max);
    /// @notice The shard was claimed in this round already.
    error ZkPocRoundsAlreadyClaimed(bytes32 nullifier);
    /// @notice A finalization that includes at least as many claims stands.
    error ZkPocRoundsNotMore(uint256 moreThan, uint256 got);
    /// @notice A bit is set that stands for no claim.
    error ZkPocRoundsIncluded(uint256 claims, uint256 got);
    /// @notice Not one record, or not one place for an acknowledgement, for each claim.
    error ZkPocRoundsRecords(uint256 expected, uint256 got);
    /// @notice The records are not those of the round's claims, in order.
    error ZkPocRoundsRecord(bytes32 expected, bytes32 got);
    /// @notice An acknowledgement is not signed by the claimant at its place, for this round and next model.
    error ZkPocRoundsAcknowledgement(uint256 position, address expected, address got);
    /// @notice Too few claimants say that they hold the next model.
    error ZkPocRoundsAcknowledged(uint256 needed, uint256 got);
    /// @notice The round has no finalization.
    error ZkPocRoundsNoProposal(uint256 round);
    /// @notice The round has a finalization.
    error ZkPocRoundsHasProposal(uint256 round);
    /// @notice The round's beacon is not known yet.
    error ZkPocRoundsNotSealed(uint256 round);
    /// @notice The round's beacon is known already.
    error ZkPocRoundsSealed(uint256 round);
    /// @notice The dataset belongs to someone else.
    error ZkPocRoundsNotOwner(address expected, address got);
    /// @notice The dataset was committed for another profile.
    error ZkPocRoundsProfile(ProfileId expected, ProfileId got);
    /// @notice The dataset was registered when the round's model was known.
    error ZkPocRoundsRegisteredLate(uint256 before, uint256 got);
    /// @notice Another root of the subject took this one's place before the round's model was set.
    error ZkPocRoundsSuperseded(uint256 notBefore, uint256 got);
    /// @notice The path does not lead from the drawn shard to the root.
    error ZkPocRoundsNotInRoot(Root expected, Root got);
    /// @notice The shard was paid for this model already.
    error ZkPocRoundsNullifierUsed(bytes32 nullifier);
    /// @notice The shard was not proven well-formed, and no proof came along.
    error ZkPocRoundsNotValidated(Root root, uint256 index);
    /// @notice The proof has another length than the circuit's.
    error ZkPocRoundsProofLength(uint256 expected, uint256 got);
    /// @notice The proof is about another model.
    error ZkPocRoundsModel(ModelId expected, ModelId got);
    /// @notice A bound's exponent does not fit the field.
    error ZkPocRoundsBound(uint256 max, uint256 got);
    /// @notice A batch of no claims or of more than `max`.
    error ZkPocRoundsBatch(uint256 max, uint256 got);
    /// @notice The call was given too little gas for its claims.
    error ZkPocRoundsBatchGas();
    /// @notice The proof or the link of a claim does not hold for its context.
    error ZkPocRoundsProof(uint256 context);
    /// @notice No claim of a batch was recorded; `last` is why the last one was refused.
    error ZkPocRoundsNoneAccepted(bytes last);
    /// @notice The round cannot pay this reward any more.
    error ZkPocRoundsBudget(uint256 remaining, uint256 got);

    /// @notice Sets the pool's first model and opens round 1.
    /// @param profileId_ The pool's profile, for good.
    /// @param seed Seed of the public start model. The proof shows that the model is in range; that it is the seed's,
    /// anyone sees who computes that model's commitment.
    /// @param proof Proof of the round circuit, from the model of all zeros by a sum of its maker's choice.
    function openGenesis(ProfileId profileId_, bytes32 seed, bytes calldata proof) external;

    /// @notice Stores the beacon of the current round, or names a new beacon block when the hash is gone. Anyone may call it.
    /// @param round The current round.
    function seal(uint256 round) external;

    /// @notice Checks a contribution and records it. It is paid when its round is settled, if it was included.
    /// @param request What is claimed, with its proofs.
    /// @return number Its place in the round, from zero.
    function claim(Claim calldata request) external returns (uint256 number);

    /// @notice Checks several contributions at once, each for the owner of its dataset, and records those that hold. Anyone may
    /// send them. Reverts if none holds.
    /// @param requests What is claimed, at most MAX_BATCH.
    /// @return accepted Bit i stands for request i.
    function claimMany(Claim[] calldata requests) external returns (uint256 accepted);

    /// @notice Proves the next model from the sum of included updates. Anyone may call it after the claim deadline, until the
    /// round is void; once there is a finalization, until it can be settled, with strictly more claims. A finalization of all
    /// claims settles the round at once. Claims with a mask key are included as whole groups only, see ISecureAggregation.
    /// @param request The claims, the proof and the acknowledgements.
    function finalize(Finalization calldata request) external;

    /// @notice Pays the included claims and opens the next round with the next model, when the window of the finalization is
    /// over. Anyone may call it.
    /// @param round The current round.
    /// @param records Every claim of the round, in order.
    function settle(uint256 round, ClaimRecord[] calldata records) external;

    /// @notice Ends a round that nobody finalized in time, and opens the next one with the same model. Anyone may call it. If the
    /// round had no claims, datasets registered before this block can be claimed with from then on.
    /// @param round The current round.
    function voidRound(uint256 round) external;

    /// @notice The latest round's number; zero before the first one.
    function currentRound() external view returns (uint256);

    /// @notice The pool's profile; zero before the first round.
    function profileId() external view returns (ProfileId);

    /// @notice A round.
    /// @param number Its number, from 1.
    function roundInfo(uint256 number) external view returns (Round memory);

    /// @notice The shard that a sealed round draws from a dataset.
    /// @param number The round.
    /// @param root The dataset.
    function drawnIndex(uint256 number, Root root) external view returns (uint256);

    /// @notice The context that a claim's proof and link are bound to.
    /// @param number The round.
    /// @param claimant Who claims.
    /// @param subject Subject of the dataset.
    /// @param root The dataset.
    /// @param index The drawn shard.
    /// @param maskKey Key of the claim's masks, zero for a plain claim.
    function trainingContext(
        uint256 number,
        address claimant,
        Subject subject,
        Root root,
        uint256 index,
        bytes32 maskKey
    ) external view returns (uint256);

    /// @notice The context that a round's proof is bound to.
    /// @param number The round.
    /// @param setHash Hash of the included claims' hashes, in order.
    function roundContext(uint256 number, bytes32 setHash) external view returns (uint256);

    /// @notice The context that a first model's proof is bound to.
    /// @param seed The seed.
    /// @param profileId_ The profile.
    function genesisContext(bytes32 seed, ProfileId profileId_) external view returns (uint256);

    /// @notice The digest that a claimant signs to say that it holds a round's next model (EIP-712).
    /// @param number The round.
    /// @param modelId Commitment id of the next model.
    function acknowledgementDigest(uint256 number, ModelId modelId) external view returns (bytes32);

    /// @notice The finalization of a round that stands; all zero when there is none.
    /// @param number The round.
    function proposalOf(uint256 number) external view returns (Proposal memory);

    /// @notice The hash that a round keeps of its claims: h_0 is its number, h_(i+1) = keccak256(h_i, hash of claim i).
    /// @param number The round.
    function claimsHash(uint256 number) external view returns (bytes32);

    /// @notice The round in which a nullifier was last claimed; the largest integer when it is paid.
    /// @param nullifier The nullifier.
    function claimedIn(bytes32 nullifier) external view returns (uint256 round);

    /// @notice Whether a contribution with this nullifier was paid.
    /// @param nullifier The nullifier.
    function isSpent(bytes32 nullifier) external view returns (bool spent);
}
