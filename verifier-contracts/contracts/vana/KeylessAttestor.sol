// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {AdapterConfig, FileProofs} from "./FileProofs.sol";
import {FileClaim, IFileProofs} from "./interfaces/IFileProofs.sol";
import {VanaProof, VanaProofData} from "./interfaces/IVanaDataRegistry.sol";
import {IVanaTeePool, IVanaTemplate} from "./interfaces/IVanaPool.sol";

/// @title An attestor without a key, for one unmodified pool of Vana's template
/// @notice The template pays when `teePool.isTee(signer)` holds for whoever signed a message about the file. This contract is that
/// `teePool`. For a file that `proveFile` has checked it computes the pool's message, takes a signature that nobody made, and
/// calls the account that the message and the signature recover to an attestor.
///
/// # Why that account vouches for this message alone
/// The signature is `(r, s)` with `s = 1` and `r` the digest of chain state, so that nobody knows `k` with `R = kG`. The recovered key
/// is `Q = r^-1 (R - z G)` for the message's digest `z`: its secret is `r^-1 (k - z)`, as unknown as `k`. A signature under `Q` for
/// another message is a forgery of ECDSA; another message that recovers to the same account is a second preimage of an address,
/// 2^160 trials. Of two accounts that are both of one's own making a birthday collision takes 2^80, but this one's is not:
/// `r` holds the hash of the block before, so that the account is known to nobody a block earlier.
///
/// # Why the message is about this file alone
/// The template packs url, score, number of the pool, metadata, url of the proof and instruction without lengths, and compares
/// neither the pool's number nor the file's. So a file with another url might give the same bytes, cut elsewhere. Here it cannot:
///
/// - A score that the template pays for is at most 1e18, so its first 24 bytes are zero.
/// - A shorter url would have a byte of this one's, which are printable, in that place.
/// - A url longer by 1 to 24 bytes would have the 25th byte of this score there, which is not zero: scores here are at least 2^56.
/// - A url longer by more leaves too few bytes: score, number and instruction take 64 bytes and those of the instruction, and behind
///   this url there are, beside them, the 24 of the metadata.
/// - An instruction that is the end of an earlier one would leave more: an account is an attestor only while the pool's instruction is
///   the one that its message ends with, as the template pays for no other.
///
/// One instance serves one pool: a second pool that named it would pay for the first one's files too.
contract KeylessAttestor is FileProofs, IVanaTeePool {
    /// @notice Tag of the digest that a signature's `r` is.
    bytes32 public constant NONCE_TAG = keccak256("zkpoc.keyless.v1");
    /// @dev Half of all digests are the abscissa of a point.
    uint256 private constant MAX_TRIES = 128;

    /// @notice The pool.
    IVanaTemplate public immutable POOL;
    /// @notice Its number at Vana.
    uint256 public immutable DLP_ID;

    /// @notice The instruction of the message that an account vouches for, as its digest; zero when it is none.
    mapping(address account => bytes32 instructionHash) public instructionOf;

    /// @notice An account vouches for one message from now on.
    event AttestorRegistered(uint256 indexed fileId, address indexed attestor, bytes32 digest);

    /// @notice The pool asks another contract for its attestors.
    error ZkPocVanaTeePool(address expected, address got);
    /// @notice The pool reads files from another registry.
    error ZkPocVanaRegistry(address expected, address got);
    /// @notice The pool has another number.
    error ZkPocVanaDlpId(uint256 expected, uint256 got);
    /// @notice A url with a byte that is not printable, at this place.
    error ZkPocVanaUrl(uint256 place);
    /// @notice No point was found for a signature.
    error ZkPocVanaNoPoint();

    /// @param config Of the adapter.
    /// @param pool The pool.
    /// @param dlpId Its number at Vana.
    constructor(AdapterConfig memory config, IVanaTemplate pool, uint256 dlpId) FileProofs(config) {
        if (address(pool) == address(0) || dlpId == 0) revert ZkPocVanaZeroArgument();
        POOL = pool;
        DLP_ID = dlpId;
    }

    /// @inheritdoc IFileProofs
    function proveFile(FileClaim calldata request) external {
        _requirePool();
        Proven memory proven = _prove(request);
        _requirePrintable(bytes(proven.url));
        string memory instruction = POOL.proofInstruction();
        VanaProofData memory data = _proofData(proven, DLP_ID, instruction);
        bytes32 digest = messageDigest(proven.url, data);
        (address attestor, bytes memory signature) = _signature(proven.fileId, digest);
        instructionOf[attestor] = keccak256(bytes(instruction));
        emit AttestorRegistered(proven.fileId, attestor, digest);
        FILES.addProof(proven.fileId, VanaProof({signature: signature, data: data}));
    }

    /// @inheritdoc IVanaTeePool
    /// @dev Only under the instruction that the message ends with: the argument about its bytes is about that one.
    function isTee(address teeAddress) external view returns (bool) {
        bytes32 instructionHash = instructionOf[teeAddress];
        return instructionHash != 0 && instructionHash == keccak256(bytes(POOL.proofInstruction()));
    }

    /// @notice The digest that the template has signed.
    function messageDigest(string memory url, VanaProofData memory data) public pure returns (bytes32) {
        return MessageHashUtils.toEthSignedMessageHash(
            keccak256(
                abi.encodePacked(url, data.score, data.dlpId, data.metadata, data.proofUrl, data.instruction)
            )
        );
    }

    /// @dev Older templates do not know their number.
    function _requirePool() private view {
        address asked = POOL.teePool();
        if (asked != address(this)) revert ZkPocVanaTeePool(address(this), asked);
        address read = POOL.dataRegistry();
        if (read != address(FILES)) revert ZkPocVanaRegistry(address(FILES), read);
        (bool known, bytes memory answer) = address(POOL).staticcall(abi.encodeCall(IVanaTemplate.dlpId, ()));
        if (!known || answer.length != 32) return;
        uint256 number = abi.decode(answer, (uint256));
        if (number != DLP_ID) revert ZkPocVanaDlpId(DLP_ID, number);
    }

    function _requirePrintable(bytes memory url) private pure {
        for (uint256 i = 0; i < url.length; ++i) {
            if (url[i] < 0x21 || url[i] > 0x7e) revert ZkPocVanaUrl(i);
        }
    }

    /// @dev A signature of `digest` that nobody made, and who it recovers to. `ecrecover` knows whether `r` is of a point.
    function _signature(uint256 fileId, bytes32 digest)
        private
        view
        returns (address attestor, bytes memory signature)
    {
        bytes32 seed =
            keccak256(abi.encode(NONCE_TAG, address(this), fileId, digest, blockhash(block.number - 1)));
        for (uint256 i = 0; i < MAX_TRIES; ++i) {
            bytes32 r = keccak256(abi.encode(seed, i));
            attestor = ecrecover(digest, 27, r, bytes32(uint256(1)));
            if (attestor != address(0)) return (attestor, abi.encodePacked(r, uint256(1), uint8(27)));
        }
        revert ZkPocVanaNoPoint();
    }
}
