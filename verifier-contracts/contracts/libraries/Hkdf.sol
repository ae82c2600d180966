// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title HKDF with SHA-256 (RFC 5869), one block of output
library Hkdf {
    /// @dev Bytes of a block of SHA-256.
    uint256 private constant BLOCK = 64;
    bytes32 private constant INNER = 0x3636363636363636363636363636363636363636363636363636363636363636;
    bytes32 private constant OUTER = 0x5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c;

    /// @notice The first 32 bytes of output keying material.
    /// @param salt Public, the same for all uses of a kind; an empty one stands for zeros, as in the RFC.
    /// @param ikm Input keying material.
    /// @param info What the output is for.
    function derive(bytes memory salt, bytes memory ikm, bytes memory info) internal pure returns (bytes32) {
        bytes32 extracted = _hmac(salt, ikm);
        // The first block of output is numbered 1.
        return _hmac(bytes.concat(extracted), bytes.concat(info, hex"01"));
    }

    /// @dev HMAC (RFC 2104). A key shorter than a block is filled up with zeros, a longer one is hashed first.
    function _hmac(bytes memory key, bytes memory message) private pure returns (bytes32) {
        if (key.length > BLOCK) key = bytes.concat(sha256(key));
        (bytes32 left, bytes32 right) = abi.decode(bytes.concat(key, new bytes(BLOCK - key.length)), (bytes32, bytes32));
        bytes32 inner = sha256(bytes.concat(left ^ INNER, right ^ INNER, message));
        return sha256(bytes.concat(left ^ OUTER, right ^ OUTER, inner));
    }
}
