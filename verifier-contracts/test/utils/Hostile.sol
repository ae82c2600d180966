// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IRewardPolicy} from "../../contracts/interfaces/IRewardPolicy.sol";

/// @notice How a hostile contract behaves when it is called.
enum Mood {
    Quiet,
    Reverts,
    EatsGas,
    CallsBack
}

/// @title Calls that a hostile contract makes from inside
abstract contract Hostile {
    Mood public mood;
    /// @notice How often a call from inside went through.
    uint256 public entered;
    /// @notice How often one was refused.
    uint256 public refused;
    address private _target;
    bytes[] private _calls;

    error HostileRefuses();

    function turn(Mood mood_) external {
        mood = mood_;
    }

    function plan(address target, bytes[] calldata calls) external {
        _target = target;
        delete _calls;
        for (uint256 i = 0; i < calls.length; ++i) {
            _calls.push(calls[i]);
        }
    }

    /// @dev Everything that is planned, one after the other.
    function _callBack() internal {
        for (uint256 i = 0; i < _calls.length; ++i) {
            (bool success,) = _target.call(_calls[i]);
            if (success) ++entered;
            else ++refused;
        }
    }

    function _obey() internal view {
        if (mood == Mood.Reverts) revert HostileRefuses();
        if (mood == Mood.EatsGas) {
            uint256 eaten = 0;
            while (gasleft() > 1_000) ++eaten;
        }
    }
}

/// @title A token that does what it likes when it is to mint
contract HostileToken is Hostile {
    uint256 public totalSupply;
    mapping(address account => uint256 balance) public balanceOf;

    function mint(address to, uint256 amount) external {
        _obey();
        if (mood == Mood.CallsBack) _callBack();
        totalSupply += amount;
        balanceOf[to] += amount;
    }
}

/// @title A policy that does what it likes when it is asked
contract HostilePolicy is Hostile, IRewardPolicy {
    uint256 public amount;

    constructor(uint256 amount_) {
        amount = amount_;
    }

    function set(uint256 amount_) external {
        amount = amount_;
    }

    function reward(uint256, address, uint8, uint8) external view returns (uint256) {
        _obey();
        if (mood == Mood.CallsBack) {
            // The caller allows no change of state; what is tried all the same fails in there.
            (bool success,) = address(this).staticcall(abi.encodeCall(this.tryAll, ()));
            if (success) revert HostileRefuses();
        }
        return amount;
    }

    function tryAll() external {
        _callBack();
        if (entered == 0) revert HostileRefuses();
    }
}
