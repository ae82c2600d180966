// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IRewardPolicy} from "./interfaces/IRewardPolicy.sol";

/// @title The same reward for every proven contribution
/// @notice The reward does not grow with the loss or the update's norm, because wrong labels raise both and would be paid best. The
/// bounds are powers of two on purpose: under a known model, the exact loss or norm of a few records reveals something about them.
contract FlatRewardPolicy is IRewardPolicy {
    /// @notice What a contribution earns, in the token's smallest unit.
    uint256 public immutable REWARD;
    /// @notice Widest accepted bound on the update's squared norm, as a power of two.
    uint8 public immutable MAX_NORM_LOG2;
    /// @notice Widest accepted bound on the loss, as a power of two.
    uint8 public immutable MAX_LOSS_LOG2;

    /// @param reward_ What a contribution earns.
    /// @param maxNormLog2 Widest accepted bound on the update's squared norm.
    /// @param maxLossLog2 Widest accepted bound on the loss.
    constructor(uint256 reward_, uint8 maxNormLog2, uint8 maxLossLog2) {
        REWARD = reward_;
        MAX_NORM_LOG2 = maxNormLog2;
        MAX_LOSS_LOG2 = maxLossLog2;
    }

    /// @inheritdoc IRewardPolicy
    function reward(uint256, address, uint8 normLog2, uint8 lossLog2) external view returns (uint256) {
        if (normLog2 > MAX_NORM_LOG2) revert ZkPocPolicyNormBound(MAX_NORM_LOG2, normLog2);
        if (lossLog2 > MAX_LOSS_LOG2) revert ZkPocPolicyLossBound(MAX_LOSS_LOG2, lossLog2);
        return REWARD;
    }
}
