// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "./Bn254.sol";

/// @title What a proof is bound to, and the other tagged digests of the protocol
/// @notice A context is the first public input of a circuit: a tagged digest, reduced to the field.
///
/// | circuit  | tag                 | fields |
/// |----------|---------------------|--------|
/// | dataset  | zkpoc.validity.v1   | chain id, registry, owner, root, index, profile |
/// | training | zkpoc.training.v1   | chain id, rounds, round, claimant, subject, root, index, profile |
library Contexts {
    /// @notice Tag of the dataset circuit's context.
    bytes32 internal constant VALIDITY_TAG = keccak256("zkpoc.validity.v1");
    /// @notice Tag of the training circuit's context.
    bytes32 internal constant TRAINING_TAG = keccak256("zkpoc.training.v1");
    /// @notice Tag of a nullifier.
    bytes32 internal constant NULLIFIER_TAG = keccak256("zkpoc.nullifier.v1");

    /// @notice Context of a validity proof; the calling contract is the registry.
    function validity(address owner, bytes32 root, uint256 index, bytes32 profileId) internal view returns (uint256) {
        return uint256(keccak256(abi.encode(VALIDITY_TAG, block.chainid, address(this), owner, root, index, profileId)))
            % Bn254.R;
    }

    /// @notice Context of a training proof; the calling contract is the rounds contract.
    function training(uint256 round, address claimant, bytes32 subject, bytes32 root, uint256 index, bytes32 profileId)
        internal
        view
        returns (uint256)
    {
        return uint256(
            keccak256(
            abi.encode(TRAINING_TAG, block.chainid, address(this), round, claimant, subject, root, index, profileId)
        )
        ) % Bn254.R;
    }

    /// @notice One shard of one subject is paid once for one model.
    function nullifier(bytes32 modelId, bytes32 subject, bytes32 leaf) internal pure returns (bytes32) {
        return keccak256(abi.encode(NULLIFIER_TAG, modelId, subject, leaf));
    }
}
