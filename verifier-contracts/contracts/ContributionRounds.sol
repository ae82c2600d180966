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
/// @notice A round has a model and, a fixed number of blocks after it was opened, a beacon. The beacon draws one shard of each
/// dataset that was registered before the model was known. The owner proves the update of the model on that shard and claims.
/// After the claim deadline anyone proves the next model from the sum of the claims' updates, which this contract adds up
/// itself; then the included claims are paid, once for each model and shard, out of the round's budget.
///
/// Who picks the included claims has power, and so has whoever alone knows the next model. Therefore a finalization gives way
/// to one with more claims, and needs the word of more than half of all claimants that they hold the next model. Otherwise the
/// round is void: the model stays, and nothing is paid. Whoever has a majority of the claims has the pool: attestation
/// is what stands against that.
///
/// The beacon is a block hash: whoever proposes that block can bias a draw by giving the block up, and the sequencer of a
/// chain with one can choose it. A hash that nobody stored within 256 blocks is gone; a later block then takes its place.
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
