// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IMaskCommitments} from "../../contracts/interfaces/IMaskCommitments.sol";
import {G1Point} from "../../contracts/libraries/Bn254.sol";

/// @title Mask commitments for unit tests: it knows the facts that it was told, and proves nothing
contract StandInMasks is IMaskCommitments {
    error StandInProvesNothing();

    mapping(bytes32 fact => bool proven) private _proven;

    function accept(bytes32 seed, uint256 column, G1Point calldata commitment) external {
        _proven[_fact(seed, column, commitment)] = true;
    }

    function isProven(bytes32 seed, uint256 column, G1Point calldata commitment) external view returns (bool) {
        return _proven[_fact(seed, column, commitment)];
    }

    function begin(bytes32, uint256, G1Point calldata) external pure {
        revert StandInProvesNothing();
    }

    function advance(bytes32, uint256, G1Point calldata, uint256) external pure {
        revert StandInProvesNothing();
    }

    function finish(bytes32, uint256, G1Point calldata, G1Point calldata) external pure {
        revert StandInProvesNothing();
    }

    function progressOf(bytes32, uint256, G1Point calldata) external pure returns (uint256, uint256) {
        revert StandInProvesNothing();
    }

    function _fact(bytes32 seed, uint256 column, G1Point calldata commitment) private pure returns (bytes32) {
        return keccak256(abi.encode(seed, column, commitment.x, commitment.y));
    }
}
