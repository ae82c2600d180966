// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {G1Point} from "../libraries/Bn254.sol";
import {SHARD_TREE_DEPTH} from "../libraries/ShardTree.sol";
import {ProfileId, Root, Subject} from "./Ids.sol";

/// @notice What an attestor signs (EIP-712) once it has recomputed every commitment from the data.
/// @param owner Who may claim with the dataset.
/// @param subject The attestor's opaque id of the data's source. Ids of different attestors must differ.
/// @param profileId The profile the dataset was committed for.
/// @param srsDigest Digest of the commitment key that was used.
/// @param datasetRoot Root of the tree of shards.
/// @param shardCount Number of shards: leaves 0 to shardCount - 1.
/// @param recordCount Number of records in all shards.
/// @param epoch Grows with every attestation of the subject.
struct Attestation {
    address owner;
    Subject subject;
    ProfileId profileId;
    bytes32 srsDigest;
    Root datasetRoot;
    uint32 shardCount;
    uint32 recordCount;
    uint64 epoch;
}

/// @notice A registered dataset, packed into four slots.
/// @param owner Who may claim with it; zero when the root is unknown.
/// @param registeredAt Block of the registration.
/// @param supersededAt Block in which the subject's next root came, zero while it is the live one.
/// @param subject As attested.
/// @param profileId As attested.
/// @param attestor Who signed.
/// @param epoch As attested.
/// @param shardCount As attested.
struct Dataset {
    address owner;
    uint48 registeredAt;
    uint48 supersededAt;
    Subject subject;
    ProfileId profileId;
    address attestor;
    uint64 epoch;
    uint32 shardCount;
}

/// @title Registered datasets and the shards proven to be well-formed
interface IDataRegistry {
    /// @notice A dataset was registered.
    event DatasetRegistered(
        Root indexed root,
        address indexed owner,
        Subject indexed subject,
        address attestor,
        ProfileId profileId,
        uint32 shardCount,
        uint32 recordCount,
        uint64 epoch
    );
    /// @notice A dataset gave way to the next one of its subject.
    event DatasetSuperseded(Root indexed root, Root indexed by);
    /// @notice A shard was proven to be well-formed.
    event ShardValidated(Root indexed root, uint256 indexed index, bytes32 indexed validityKey, address verifier);

    /// @notice A constructor argument is zero.
    error ZkPocRegistryZeroArgument();
    /// @notice Only the attested owner registers a dataset.
    error ZkPocRegistryNotOwner(address expected, address got);
    /// @notice The signer is not an authorised attestor, or no longer.
    error ZkPocRegistryNotAttestor(address got);
    /// @notice The dataset was committed under another commitment key.
    error ZkPocRegistrySrsMismatch(bytes32 expected, bytes32 got);
    /// @notice The number of shards must be between one and the tree's capacity.
    error ZkPocRegistryShardCount(uint256 capacity, uint256 got);
    /// @notice Every shard holds at least one record.
    error ZkPocRegistryRecordCount(uint256 atLeast, uint256 got);
    /// @notice Attestations of one subject have growing epochs.
    error ZkPocRegistryEpochNotNewer(uint64 current, uint64 got);
    /// @notice The subject is another attestor's.
    error ZkPocRegistrySubjectTaken(address expected, address got);
    /// @notice The root is registered already.
    error ZkPocRegistryRootTaken(Root root);
    /// @notice No dataset has this root.
    error ZkPocRegistryUnknownRoot(Root root);
    /// @notice The shard's index is not below the attested count.
    error ZkPocRegistryIndexOutOfRange(uint256 count, uint256 got);
    /// @notice The path does not lead from this shard, at this index, to the root.
    error ZkPocRegistryNotInRoot(Root expected, Root got);
    /// @notice The proof has another length than the circuit's.
    error ZkPocRegistryProofLength(uint256 expected, uint256 got);

    /// @notice Registers a dataset; the sender is its owner. It counts for models set in later blocks.
    /// @param attestation What the attestor signed.
    /// @param signature Its 65-byte signature.
    function register(Attestation calldata attestation, bytes calldata signature) external;

    /// @notice Proves a shard well-formed and remembers it. Anyone may send the owner's proof.
    /// @param root The dataset.
    /// @param index The shard's index.
    /// @param commitment The shard's registered commitment.
    /// @param path Siblings from the leaf up.
    /// @param proof Proof of the dataset circuit, over a freshly blinded copy of the commitment.
    /// @param link Link proof between the two.
    function validateShard(
        Root root,
        uint256 index,
        G1Point calldata commitment,
        bytes32[SHARD_TREE_DEPTH] calldata path,
        bytes calldata proof,
        bytes calldata link
    ) external;

    /// @notice Whether the shard was proven well-formed by the verifier in use; reverts when there is none.
    /// @param profileId The profile.
    /// @param commitment The shard's registered commitment.
    function isValidated(ProfileId profileId, G1Point calldata commitment) external view returns (bool);

    /// @notice The dataset with this root; reverts when there is none or its attestor is not authorised (any more).
    /// @param root The dataset.
    function attestedDataset(Root root) external view returns (Dataset memory);

    /// @notice The dataset with this root, all zero when there is none.
    /// @param root The dataset.
    function dataset(Root root) external view returns (Dataset memory);

    /// @notice What a claim needs to know in one call: `attestedDataset` and `isValidated`.
    /// @param root The dataset.
    /// @param profileId The profile.
    /// @param commitment The shard's registered commitment.
    function attestedShard(Root root, ProfileId profileId, G1Point calldata commitment)
        external
        view
        returns (Dataset memory found, bool valid);

    /// @notice The live root of a subject, zero when there is none.
    /// @param subject The attestor's id of the source.
    function liveRoot(Subject subject) external view returns (Root);

    /// @notice The context that a shard's validity proof and link are bound to.
    /// @param owner The dataset's owner.
    /// @param root The dataset.
    /// @param index The shard's index.
    /// @param profileId The profile.
    function validityContext(address owner, Root root, uint256 index, ProfileId profileId)
        external
        view
        returns (uint256);

    /// @notice The digest that an attestor signs.
    /// @param attestation The statement.
    function attestationDigest(Attestation calldata attestation) external view returns (bytes32);
}
