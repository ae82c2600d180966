// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ClaimRecord, Proposal, Round, RoundStatus} from "../../contracts/interfaces/IContributionRounds.sol";
import {ISecureAggregation} from "../../contracts/interfaces/ISecureAggregation.sol";

/// @title A rounds contract for unit tests: its rounds have the claims that it is told
/// @notice The real one takes eight claims in the unit tests' layout, too few for two groups.
contract StandInRounds {
    mapping(uint256 number => Round round) private _rounds;
    mapping(uint256 number => Proposal proposal) private _proposals;
    mapping(uint256 number => bytes32 hash) public claimsHash;

    constructor(ISecureAggregation sums, uint40 claimBlocks, uint40 finalizeBlocks) {
        sums.bind(claimBlocks, finalizeBlocks);
    }

    /// @notice Opens a round in this block, with these claims.
    function open(uint256 number, ClaimRecord[] calldata records) external {
        _rounds[number].openedAt = uint40(block.number);
        _rounds[number].status = RoundStatus.Open;
        _rounds[number].claims = uint32(records.length);
        bytes32 all = bytes32(number);
        for (uint256 i = 0; i < records.length; ++i) {
            ClaimRecord calldata r = records[i];
            bytes32 hash = keccak256(
                abi.encode(
                    keccak256("zkpoc.claim.v2"),
                    r.claimant,
                    uint256(r.reward),
                    r.nullifier,
                    keccak256(r.update),
                    r.maskKey
                )
            );
            all = keccak256(abi.encode(all, hash));
        }
        claimsHash[number] = all;
    }

    function end(uint256 number, RoundStatus status) external {
        _rounds[number].status = status;
    }

    function propose(uint256 number, uint256 included) external {
        _proposals[number].included = included;
    }

    function roundInfo(uint256 number) external view returns (Round memory) {
        return _rounds[number];
    }

    function proposalOf(uint256 number) external view returns (Proposal memory) {
        return _proposals[number];
    }
}
