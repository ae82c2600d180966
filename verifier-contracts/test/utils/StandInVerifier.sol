// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IVerifier} from "../../contracts/interfaces/IVerifier.sol";

/// @title A verifier for unit tests: it accepts the pairs of proof and instances that it was told, nothing else
/// @notice Real proofs are verified by the tests that have a prover. Here it matters what the contracts hand to a verifier.
contract StandInVerifier is IVerifier {
    error StandInRejects(bytes32 statement);

    mapping(bytes32 statement => bool accepted) public accepted;
    // Part of the code, so that two stand-ins differ in their code hash.
    uint256 public immutable SALT;

    constructor(uint256 salt) {
        SALT = salt;
    }

    function accept(bytes calldata proof, uint256[] calldata instances) external {
        accepted[keccak256(abi.encode(proof, instances))] = true;
    }

    function verify(bytes calldata proof, uint256[] calldata instances) external view {
        bytes32 statement = keccak256(abi.encode(proof, instances));
        if (!accepted[statement]) revert StandInRejects(statement);
    }

    function accumulate(bytes calldata, uint256[] calldata) external pure returns (uint256[4] memory) {
        revert StandInRejects(0);
    }

    /// @dev A stand-in's accumulator names its statement.
    function defer(bytes calldata proof, uint256[] calldata instances) external pure returns (uint256[] memory words) {
        words = new uint256[](2);
        words[0] = uint256(keccak256(abi.encode(proof, instances)));
    }

    function decide(uint256[] calldata accumulators) external view {
        for (uint256 i = 0; i < accumulators.length; i += 2) {
            if (!accepted[bytes32(accumulators[i])]) revert StandInRejects(bytes32(accumulators[i]));
        }
    }
}
