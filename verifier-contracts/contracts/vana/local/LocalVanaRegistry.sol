// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {VanaProof} from "../interfaces/IVanaDataRegistry.sol";

/// @title A data registry with Vana's ABI, for chains without one
/// @notice For tests and the demo. It does what Vana's registry does on the paths that pools use, no more: files with unique urls,
/// for any owner, and proofs that anyone may add.
contract LocalVanaRegistry {
    /// @notice A file as version 2 of Vana's registry returns it.
    struct FileResponse {
        uint256 id;
        address ownerAddress;
        string url;
        uint256 schemaId;
        uint256 addedAtBlock;
    }

    /// @notice Who may decrypt a file, and with which key.
    struct Permission {
        address account;
        string key;
    }

    /// @notice A file was added.
    event FileAdded(uint256 indexed fileId, address indexed ownerAddress, string url);
    /// @notice A proof was added.
    event ProofAdded(
        uint256 indexed fileId,
        address indexed ownerAddress,
        uint256 proofIndex,
        uint256 indexed dlpId,
        uint256 score,
        string proofUrl
    );

    /// @notice There is a file with this url.
    error FileUrlAlreadyUsed();

    /// @notice Number of files.
    uint256 public filesCount;

    mapping(uint256 fileId => FileResponse file) private _files;
    mapping(bytes32 urlHash => uint256 fileId) private _byUrl;
    mapping(uint256 fileId => VanaProof[] proofs) private _proofs;

    /// @notice Version of the ABI.
    function version() external pure returns (uint256) {
        return 2;
    }

    /// @notice Adds a file of the sender.
    function addFile(string memory url) external returns (uint256) {
        return _add(url, msg.sender);
    }

    /// @notice Adds a file of anyone.
    function addFileWithPermissions(string memory url, address ownerAddress, Permission[] memory)
        external
        returns (uint256)
    {
        return _add(url, ownerAddress);
    }

    /// @notice Adds a proof to a file, from anyone, unchecked.
    function addProof(uint256 fileId, VanaProof memory proof) external {
        _proofs[fileId].push(proof);
        emit ProofAdded(
            fileId,
            _files[fileId].ownerAddress,
            _proofs[fileId].length,
            proof.data.dlpId,
            proof.data.score,
            proof.data.proofUrl
        );
    }

    /// @notice A file; all zero when there is none.
    function files(uint256 fileId) external view returns (FileResponse memory) {
        return _files[fileId];
    }

    /// @notice The file with a url; zero when there is none.
    function fileIdByUrl(string memory url) external view returns (uint256) {
        return _byUrl[keccak256(bytes(url))];
    }

    /// @notice A proof, from one; empty when there is none.
    function fileProofs(uint256 fileId, uint256 index) external view returns (VanaProof memory proof) {
        if (index != 0 && index <= _proofs[fileId].length) proof = _proofs[fileId][index - 1];
    }

    function _add(string memory url, address owner) private returns (uint256 fileId) {
        bytes32 hash = keccak256(bytes(url));
        if (_byUrl[hash] != 0) revert FileUrlAlreadyUsed();
        fileId = ++filesCount;
        _byUrl[hash] = fileId;
        _files[fileId] = FileResponse(fileId, owner, url, 0, block.number);
        emit FileAdded(fileId, owner, url);
    }
}
