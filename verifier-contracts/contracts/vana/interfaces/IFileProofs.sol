// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ModelId, ProfileId, Root, Subject} from "../../interfaces/Ids.sol";
import {G1Point} from "../../libraries/Bn254.sol";
import {SHARD_TREE_DEPTH} from "../../libraries/ShardTree.sol";

/// @notice What a file of Vana's registry is proven to stand for: a shard of a registered dataset, and a training step on it.
/// @param fileId The file.
/// @param root The dataset of the file's owner.
/// @param index The shard.
/// @param commitment Its registered commitment.
/// @param path Siblings from its leaf up.
/// @param normLog2 The proof's bound on the update's squared norm, as a power of two.
/// @param lossLog2 The proof's bound on the loss, as a power of two.
/// @param proof Proof of the training circuit on the adapter's model.
/// @param link Link between the registered commitment and the proof's data point.
/// @param datasetProof Validity proof of the shard, empty when it is validated already.
/// @param datasetLink Its link, empty when it is validated already.
struct FileClaim {
    uint256 fileId;
    Root root;
    uint256 index;
    G1Point commitment;
    bytes32[SHARD_TREE_DEPTH] path;
    uint8 normLog2;
    uint8 lossLog2;
    bytes proof;
    bytes link;
    bytes datasetProof;
    bytes datasetLink;
}

/// @title Proofs of contribution for files of Vana's registry
interface IFileProofs {
    /// @notice The adapter has its model, which is the public start model of `seed` if anyone finds the same id for it.
    event ModelSet(ModelId indexed modelId, bytes32 seed);
    /// @notice A file was proven to stand for a shard.
    event FileProven(
        uint256 indexed fileId,
        address indexed owner,
        bytes32 indexed nullifier,
        Root root,
        uint256 index,
        uint8 normLog2,
        uint8 lossLog2,
        uint256 score
    );

    /// @notice A constructor argument is zero.
    error ZkPocVanaZeroArgument();
    /// @notice A bound's exponent does not fit the field.
    error ZkPocVanaBound(uint256 max, uint256 got);
    /// @notice The adapter has its model already.
    error ZkPocVanaModelSet(ModelId modelId);
    /// @notice The adapter has no model yet.
    error ZkPocVanaNoModel();
    /// @notice The proof is about another model.
    error ZkPocVanaModel(ModelId expected, ModelId got);
    /// @notice Vana's registry has no such file.
    error ZkPocVanaNoFile(uint256 fileId);
    /// @notice The file's owner is not the dataset's.
    error ZkPocVanaNotOwner(address expected, address got);
    /// @notice The dataset was committed for another profile.
    error ZkPocVanaProfile(ProfileId expected, ProfileId got);
    /// @notice The dataset has no such shard.
    error ZkPocVanaIndex(uint256 count, uint256 got);
    /// @notice The path does not lead from the shard to the root.
    error ZkPocVanaNotInRoot(Root expected, Root got);
    /// @notice Another dataset of the same source was used here before.
    error ZkPocVanaOtherRoot(Root expected, Root got);
    /// @notice The shard was proven for another file.
    error ZkPocVanaUsed(bytes32 nullifier, uint256 fileId);
    /// @notice The file was proven already.
    error ZkPocVanaProven(uint256 fileId);
    /// @notice The proven bound on the squared norm is wider than is accepted.
    error ZkPocVanaNormBound(uint8 allowed, uint8 got);
    /// @notice The proven bound on the loss is wider than is accepted.
    error ZkPocVanaLossBound(uint8 allowed, uint8 got);
    /// @notice The shard was not proven well-formed, and no proof came along.
    error ZkPocVanaNotValidated(Root root, uint256 index);
    /// @notice A proof has another length than the circuit's.
    error ZkPocVanaProofLength(uint256 expected, uint256 got);

    /// @notice Sets the model that contributions are proven on, for good.
    /// @param seed Seed of the public start model. The proof shows that the model is in range; that it is the seed's, anyone
    /// sees who computes that model's commitment.
    /// @param proof Proof of the round circuit, from the model of all zeros by a sum of its maker's choice.
    function setModel(bytes32 seed, bytes calldata proof) external;

    /// @notice Checks that a file stands for a shard of its owner, and adds the proof to Vana's registry. Anyone may send it.
    /// @param request What is claimed, with its proofs.
    function proveFile(FileClaim calldata request) external;

    /// @notice Commitment id of the model; zero before it is set.
    function modelId() external view returns (ModelId);

    /// @notice The file that a contribution was proven for; zero when there is none.
    /// @param nullifier One for each model, source and shard.
    function fileOf(bytes32 nullifier) external view returns (uint256 fileId);

    /// @notice The score of proven bounds; reverts when they are wider than is accepted.
    function scoreOf(uint8 normLog2, uint8 lossLog2) external view returns (uint256 score);

    /// @notice The context that a file's training proof and link are bound to.
    function fileContext(uint256 fileId, address owner, Subject subject, Root root, uint256 index)
        external
        view
        returns (uint256);

    /// @notice The context that the model's proof is bound to.
    function modelContext(bytes32 seed) external view returns (uint256);
}
