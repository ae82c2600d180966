// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice What a proof says of a file.
/// @param score At most 1e18.
/// @param dlpId Number of the pool that the proof is for.
/// @param metadata Anything.
/// @param proofUrl Where the whole proof of contribution lies.
/// @param instruction What made the proof; a pool pays for its own instruction only.
struct VanaProofData {
    uint256 score;
    uint256 dlpId;
    string metadata;
    string proofUrl;
    string instruction;
}

/// @notice A proof with whatever vouches for it.
struct VanaProof {
    bytes signature;
    VanaProofData data;
}

/// @notice A file, as far as it is read here. Newer versions of Vana's registry return more fields behind these, of which a
/// reader of this struct takes no notice.
/// @param id Its number, from one.
/// @param ownerAddress Who is paid for it; zero when there is no such file.
/// @param url Where it lies; no two files have the same.
struct VanaFile {
    uint256 id;
    address ownerAddress;
    string url;
}

/// @title The part of Vana's data registry that adapters use
/// @dev Signatures as Vana publishes them. Anyone may add a file for any owner and a proof to any file.
interface IVanaDataRegistry {
    /// @notice A file.
    function files(uint256 fileId) external view returns (VanaFile memory);

    /// @notice A proof of a file; proofs are numbered from one.
    function fileProofs(uint256 fileId, uint256 index) external view returns (VanaProof memory);

    /// @notice Adds a proof to a file.
    function addProof(uint256 fileId, VanaProof memory proof) external;
}
