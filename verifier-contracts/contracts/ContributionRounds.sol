// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {RoundLayout} from "./generated/RoundLayout.sol";
import {ZeroModel} from "./generated/ZeroModel.sol";
import {IContributionRounds, Round, RoundStatus} from "./interfaces/IContributionRounds.sol";
import {ModelId, ProfileId} from "./interfaces/Ids.sol";
import {Contexts} from "./libraries/Contexts.sol";
import {ProofPoints} from "./libraries/ProofPoints.sol";
import {ClaimBatch} from "./rounds/ClaimBatch.sol";
import {RoundEnd} from "./rounds/RoundEnd.sol";
import {RoundStore, RoundsConfig} from "./rounds/RoundStore.sol";

/// @title One sequential chain of training rounds
/// @notice How a round goes:
/// 1. It opens with a model. A fixed number of blocks later a block hash becomes its beacon (`seal`).
/// 2. The beacon draws one shard of each dataset that was registered before the model was known. The dataset's owner trains on that
///    shard, proves the update, and claims (`claim`, `claimMany`).
/// 3. After the claim deadline anyone proves the next model from the sum of updates (`finalize`). This contract adds up the updates of
///    the included claims itself.
/// 4. The included claims are paid out of the round's budget, once for each model and shard, and the next round opens (`settle`).
///    Without a finalization in time the round is void (`voidRound`): nothing is paid and the model stays.
///
/// Whoever finalizes chooses which claims are included, and learns the next model first. Two rules limit that power: a finalization
/// with more claims replaces one with fewer, within a window of blocks; and more than half of all claimants must sign that they hold
/// the next model. So whoever controls more than half of the claims of a round controls the pool. The claims cannot show that; the
/// defence is that attestors vouch for who owns a dataset.
///
/// The beacon can be biased. The proposer of its block can give the block up to get another draw, and where a sequencer makes the
/// blocks it can choose the hash. A block hash can be read for 256 blocks; if nobody stored the beacon by then, a later block
/// takes its place.
contract ContributionRounds is RoundEnd, ClaimBatch {
    /// @param config What the pool is made of, for good.
    constructor(RoundsConfig memory config) RoundStore(config) {}

    /// @inheritdoc IContributionRounds
    function openGenesis(ProfileId profileId_, bytes32 seed, bytes calldata proof) external onlyRole(OPERATOR_ROLE) {
        if (ProfileId.unwrap(profileId) != 0) revert ZkPocRoundsGenesisSet(profileId);
        if (ProfileId.unwrap(profileId_) == 0) revert ZkPocRoundsZeroId();
        if (proof.length != RoundLayout.PROOF_BYTES) {
            revert ZkPocRoundsProofLength(RoundLayout.PROOF_BYTES, proof.length);
        }
        ModelId start = ModelId.wrap(ProofPoints.idOf(proof, RoundLayout.MODEL_OFFSET, RoundLayout.MODEL_POINTS));
        if (ModelId.unwrap(start) != ZeroModel.ID) revert ZkPocRoundsModel(ModelId.wrap(ZeroModel.ID), start);
        profileId = profileId_;
        ModelId modelId = ModelId.wrap(ProofPoints.idOf(proof, RoundLayout.NEXT_OFFSET, RoundLayout.NEXT_POINTS));
        emit GenesisSet(modelId, profileId_, seed);
        _open(modelId, block.number);
        _verifyRound(profileId_, proof, Contexts.genesis(seed, profileId_), 1);
    }

    /// @inheritdoc IContributionRounds
    function seal(uint256 number) external {
        Round storage round = _rounds[number];
        if (round.status != RoundStatus.Open) revert ZkPocRoundsNotOpen(number, round.status);
        if (round.beacon != 0) revert ZkPocRoundsSealed(number);
        uint256 beaconBlock = round.beaconBlock;
        if (block.number <= beaconBlock) revert ZkPocRoundsTooEarly(beaconBlock + 1, block.number);
        bytes32 beacon = blockhash(beaconBlock);
        if (beacon == 0) {
            // Older than 256 blocks. Zero would be a draw that everyone could foresee.
            uint40 next = uint40(block.number) + BEACON_DELAY;
            round.beaconBlock = next;
            emit BeaconMissed(number, beaconBlock, next);
        } else {
            round.beacon = beacon;
            emit RoundSealed(number, beaconBlock, beacon);
        }
    }
}
