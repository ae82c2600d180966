// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {DatasetLayout} from "./generated/DatasetLayout.sol";
import {Attestation, Dataset, IDataRegistry} from "./interfaces/IDataRegistry.sol";
import {IVerifier} from "./interfaces/IVerifier.sol";
import {Circuit, IVerifierRouter} from "./interfaces/IVerifierRouter.sol";
import {ProfileId, Root, Subject} from "./interfaces/Ids.sol";
import {G1Point} from "./libraries/Bn254.sol";
import {Contexts} from "./libraries/Contexts.sol";
import {LinkVerifier} from "./libraries/LinkVerifier.sol";
import {Precompiles} from "./libraries/Precompiles.sol";
import {ProofPoints} from "./libraries/ProofPoints.sol";
import {SHARD_TREE_DEPTH, ShardTree} from "./libraries/ShardTree.sol";

/// @title Registered datasets and the shards proven to be well-formed
/// @notice An attestor vouches that a dataset's records are real and were not attested before; no proof shows that. The registry adds
/// two things: it keeps one live root for each subject (source of records), and remembers which shards were proven to be well-formed.
///
/// A subject belongs to the attestor that attested it first, until that attestor is revoked. When a subject gets a new root in block
/// b, the old root counts for models set in block b or before, and the new root for models set after b. So for each model exactly one root
/// of a subject can be claimed with, and a subject has one draw in each round.
contract DataRegistry is AccessControl, EIP712, IDataRegistry {
    /// @notice Who may attest datasets. Taking the role away also stops claims with datasets attested before.
    bytes32 public constant ATTESTOR_ROLE = keccak256("ATTESTOR_ROLE");
    /// @notice EIP-712 type of an attestation.
    bytes32 public constant ATTESTATION_TYPEHASH = keccak256(
        "Attestation(address owner,bytes32 subject,bytes32 profileId,bytes32 srsDigest,bytes32 datasetRoot,uint32 shardCount,uint32 recordCount,uint64 epoch)"
    );

    /// @notice Digest of the commitment key that all datasets here are committed under.
    bytes32 public immutable SRS_DIGEST;
    /// @notice Where verifiers are found.
    IVerifierRouter public immutable ROUTER;

    mapping(Root root => Dataset dataset) private _datasets;
    mapping(Subject subject => Root root) private _liveRoots;
    mapping(bytes32 validityKey => bool valid) private _validated;

    /// @param admin Holds the admin role: it names and revokes attestors.
    /// @param router Where verifiers are found.
    /// @param srsDigest Digest of the commitment key.
    constructor(address admin, IVerifierRouter router, bytes32 srsDigest) EIP712("zkpoc", "1") {
        if (admin == address(0) || address(router) == address(0) || srsDigest == 0) {
            revert ZkPocRegistryZeroArgument();
        }
        Precompiles.requireAll();
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        ROUTER = router;
        SRS_DIGEST = srsDigest;
    }

    /// @inheritdoc IDataRegistry
    function register(Attestation calldata attestation, bytes calldata signature) external {
        if (msg.sender != attestation.owner) revert ZkPocRegistryNotOwner(attestation.owner, msg.sender);
        address attestor = ECDSA.recoverCalldata(attestationDigest(attestation), signature);
        if (!hasRole(ATTESTOR_ROLE, attestor)) revert ZkPocRegistryNotAttestor(attestor);
        if (attestation.srsDigest != SRS_DIGEST) revert ZkPocRegistrySrsMismatch(SRS_DIGEST, attestation.srsDigest);
        uint32 count = attestation.shardCount;
        if (count == 0 || count > ShardTree.CAPACITY) revert ZkPocRegistryShardCount(ShardTree.CAPACITY, count);
        if (attestation.recordCount < count) revert ZkPocRegistryRecordCount(count, attestation.recordCount);
        Root root = attestation.datasetRoot;
        if (_datasets[root].owner != address(0)) revert ZkPocRegistryRootTaken(root);

        Root previous = _liveRoots[attestation.subject];
        if (Root.unwrap(previous) != 0) _supersede(previous, root, attestor, attestation.epoch);
        _liveRoots[attestation.subject] = root;
        _datasets[root] = Dataset({
            owner: attestation.owner,
            registeredAt: uint48(block.number),
            supersededAt: 0,
            subject: attestation.subject,
            profileId: attestation.profileId,
            attestor: attestor,
            epoch: attestation.epoch,
            shardCount: count
        });
        _emitRegistered(attestation, attestor);
    }

    /// @inheritdoc IDataRegistry
    function validateShard(
        Root root,
        uint256 index,
        G1Point calldata commitment,
        bytes32[SHARD_TREE_DEPTH] calldata path,
        bytes calldata proof,
        bytes calldata link
    ) external {
        (address owner, ProfileId profileId) = _requireShard(root, index, commitment, path);
        address verifier = ROUTER.verifierOf(profileId, Circuit.Dataset);
        bytes32 key = _validityKey(profileId, verifier, commitment);
        _verify(verifier, Contexts.validity(owner, root, index, profileId), commitment, proof, link);
        _validated[key] = true;
        emit ShardValidated(root, index, key, verifier);
    }

    /// @inheritdoc IDataRegistry
    function isValidated(ProfileId profileId, G1Point calldata commitment) public view returns (bool) {
        return _validated[_validityKey(profileId, ROUTER.verifierOf(profileId, Circuit.Dataset), commitment)];
    }

    /// @inheritdoc IDataRegistry
    function attestedShard(Root root, ProfileId profileId, G1Point calldata commitment)
        external
        view
        returns (Dataset memory found, bool valid)
    {
        found = attestedDataset(root);
        valid = isValidated(profileId, commitment);
    }

    /// @inheritdoc IDataRegistry
    function attestedDataset(Root root) public view returns (Dataset memory found) {
        found = _datasets[root];
        if (found.owner == address(0)) revert ZkPocRegistryUnknownRoot(root);
        if (!hasRole(ATTESTOR_ROLE, found.attestor)) revert ZkPocRegistryNotAttestor(found.attestor);
    }

    /// @inheritdoc IDataRegistry
    function dataset(Root root) external view returns (Dataset memory) {
        return _datasets[root];
    }

    /// @inheritdoc IDataRegistry
    function liveRoot(Subject subject) external view returns (Root) {
        return _liveRoots[subject];
    }

    /// @inheritdoc IDataRegistry
    function validityContext(address owner, Root root, uint256 index, ProfileId profileId)
        external
        view
        returns (uint256)
    {
        return Contexts.validity(owner, root, index, profileId);
    }

    /// @inheritdoc IDataRegistry
    function attestationDigest(Attestation calldata attestation) public view returns (bytes32) {
        // A struct without dynamic fields is encoded as its fields in a row, as EIP-712 wants them.
        return _hashTypedDataV4(keccak256(abi.encode(ATTESTATION_TYPEHASH, attestation)));
    }

    /// @dev Reverts unless the commitment is the shard at `index` of a registered dataset.
    function _requireShard(
        Root root,
        uint256 index,
        G1Point calldata commitment,
        bytes32[SHARD_TREE_DEPTH] calldata path
    ) private view returns (address owner, ProfileId profileId) {
        Dataset storage found = _datasets[root];
        owner = found.owner;
        if (owner == address(0)) revert ZkPocRegistryUnknownRoot(root);
        uint256 count = found.shardCount;
        if (index >= count) revert ZkPocRegistryIndexOutOfRange(count, index);
        profileId = found.profileId;
        Root reached = ShardTree.rootOf(ShardTree.leafOf(profileId, index, commitment), index, path);
        if (Root.unwrap(reached) != Root.unwrap(root)) revert ZkPocRegistryNotInRoot(root, reached);
    }

    /// @dev Checks the proof and the link between its data point and the registered commitment.
    function _verify(
        address verifier,
        uint256 context,
        G1Point calldata commitment,
        bytes calldata proof,
        bytes calldata link
    ) private view {
        if (proof.length != DatasetLayout.PROOF_BYTES) {
            revert ZkPocRegistryProofLength(DatasetLayout.PROOF_BYTES, proof.length);
        }
        LinkVerifier.verify(context, commitment, ProofPoints.pointAt(proof, DatasetLayout.DATA_OFFSET), link);
        uint256[] memory instances = new uint256[](1);
        instances[0] = context;
        IVerifier(verifier).verify(proof, instances);
    }

    /// @dev Keyed by profile and verifier code as well: a shard valid for one batch size is not for another.
    function _validityKey(ProfileId profileId, address verifier, G1Point calldata commitment)
        private
        view
        returns (bytes32)
    {
        return keccak256(abi.encode(profileId, verifier.codehash, commitment.x, commitment.y));
    }

    /// @dev Ends the time of a subject's live root.
    function _supersede(Root previous, Root root, address attestor, uint64 epoch) private {
        Dataset storage old = _datasets[previous];
        if (old.attestor == attestor) {
            if (epoch <= old.epoch) revert ZkPocRegistryEpochNotNewer(old.epoch, epoch);
        } else if (hasRole(ATTESTOR_ROLE, old.attestor)) {
            revert ZkPocRegistrySubjectTaken(old.attestor, attestor);
        }
        old.supersededAt = uint48(block.number);
        emit DatasetSuperseded(previous, root);
    }

    function _emitRegistered(Attestation calldata attestation, address attestor) private {
        emit DatasetRegistered(
            attestation.datasetRoot,
            attestation.owner,
            attestation.subject,
            attestor,
            attestation.profileId,
            attestation.shardCount,
            attestation.recordCount,
            attestation.epoch
        );
    }
}
