// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title What a proven contribution earns
interface IRewardPolicy {
    /// @notice The proven bound on the squared norm of the update is wider than the policy pays for.
    error ZkPocPolicyNormBound(uint8 allowed, uint8 got);
    /// @notice The proven bound on the loss is wider than the policy pays for.
    error ZkPocPolicyLossBound(uint8 allowed, uint8 got);

    /// @notice The reward in the token's smallest unit; reverts when the policy does not accept the bounds.
    /// @param round The round.
    /// @param claimant Who is paid.
    /// @param normLog2 The update's squared norm is below 2^normLog2.
    /// @param lossLog2 The loss is below 2^lossLog2.
    function reward(uint256 round, address claimant, uint8 normLog2, uint8 lossLog2) external view returns (uint256);
}
