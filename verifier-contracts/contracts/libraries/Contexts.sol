// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {ModelId, ProfileId, Root, Subject} from "../interfaces/Ids.sol";
import {Bn254} from "./Bn254.sol";

/// @title What a proof is bound to, and the other tagged digests of the protocol
/// @notice A context is the first public input of a circuit: a tagged keccak256 digest, reduced modulo the group's order. No gate
/// reads it, but a proof verifies under its own context only. It names chain, contract, claimant and so on, so a proof cannot be used
/// anywhere else or by anyone else.
///
/// | circuit  | tag                 | fields |
/// |----------|---------------------|--------|
/// | dataset  | zkpoc.validity.v1   | chain id, registry, owner, root, index, profile |
/// | training | zkpoc.training.v2   | chain id, rounds, round, claimant, subject, root, index, profile, mask key |
/// | round    | zkpoc.round.v1      | chain id, rounds, round, hash of the included claims, profile |
/// | round, first model | zkpoc.genesis.v1 | chain id, rounds, seed, profile |
///
/// An adapter for Vana's pools stands in the place of the rounds contract; its rounds are files, and its mask key is zero.
library Contexts {
    /// @notice Tag of the dataset circuit's context.
    bytes32 internal constant VALIDITY_TAG = keccak256("zkpoc.validity.v1");
    /// @notice Tag of the training circuit's context.
    bytes32 internal constant TRAINING_TAG = keccak256("zkpoc.training.v2");
    /// @notice Tag of a round proof's context.
    bytes32 internal constant ROUND_TAG = keccak256("zkpoc.round.v1");
    /// @notice Tag of the context of a first model's proof.
    bytes32 internal constant GENESIS_TAG = keccak256("zkpoc.genesis.v1");
    /// @notice Tag of a claim's hash.
    bytes32 internal constant CLAIM_TAG = keccak256("zkpoc.claim.v2");
    /// @notice Tag of a nullifier.
    bytes32 internal constant NULLIFIER_TAG = keccak256("zkpoc.nullifier.v1");

    /// @notice Context of a validity proof; the calling contract is the registry.
    function validity(address owner, Root root, uint256 index, ProfileId profileId) internal view returns (uint256) {
        return uint256(keccak256(abi.encode(VALIDITY_TAG, block.chainid, address(this), owner, root, index, profileId)))
            % Bn254.R;
    }

    /// @notice Context of a training proof; the calling contract is the rounds contract.
    /// @param maskKey Key of the claim's masks, zero for a plain claim: whoever sends the claim cannot put in another.
    function training(
        uint256 round,
        address claimant,
        Subject subject,
        Root root,
        uint256 index,
        ProfileId profileId,
        bytes32 maskKey
    ) internal view returns (uint256) {
        return uint256(
            keccak256(
            abi.encode(
            TRAINING_TAG, block.chainid, address(this), round, claimant, subject, root, index, profileId, maskKey
        )
        )
        ) % Bn254.R;
    }

    /// @notice Context of a round's proof; the calling contract is the rounds contract.
    /// @param setHash Hash of the included claims' hashes, in order.
    function finalization(uint256 number, bytes32 setHash, ProfileId profileId) internal view returns (uint256) {
        return
            uint256(keccak256(abi.encode(ROUND_TAG, block.chainid, address(this), number, setHash, profileId)))
                % Bn254.R;
    }

    /// @notice Context of a first model's proof; the calling contract is the rounds contract.
    function genesis(bytes32 seed, ProfileId profileId) internal view returns (uint256) {
        return uint256(keccak256(abi.encode(GENESIS_TAG, block.chainid, address(this), seed, profileId))) % Bn254.R;
    }

    /// @notice What a round keeps of a claim.
    function claim(address claimant, uint256 reward, bytes32 nullifier_, bytes32 updateId, bytes32 maskKey)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(CLAIM_TAG, claimant, reward, nullifier_, updateId, maskKey));
    }

    /// @notice Hash of a round's claims with one more. It begins as the round's number, which is no hash.
    function chained(bytes32 before, bytes32 claimHash) internal pure returns (bytes32) {
        return Hashes.efficientKeccak256(before, claimHash);
    }

    /// @notice One shard of one subject is paid once for one model.
    function nullifier(ModelId modelId, Subject subject, bytes32 leaf) internal pure returns (bytes32) {
        return keccak256(abi.encode(NULLIFIER_TAG, modelId, subject, leaf));
    }
}
