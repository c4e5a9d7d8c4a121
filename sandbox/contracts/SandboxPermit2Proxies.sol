// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {SandboxPermit2, PermitTransferFrom, SignatureTransferDetails} from "./SandboxPermit2.sol";

interface IPermitToken {
    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) external;
}

struct EIP2612Permit { uint256 value; uint256 deadline; bytes32 r; bytes32 s; uint8 v; }

/// What the stand-ins for both x402 proxies share, from the public ABI. Like the real ones they say
/// that something settled, and not what: their events have no arguments.
abstract contract SandboxPermit2Proxy {
    SandboxPermit2 public constant PERMIT2 = SandboxPermit2(0x000000000022D473030F116dDEE9F6B43aC78BA3);

    event Settled();
    event SettledWithPermit();
    event EIP2612PermitFailedWithReason(address indexed token, address indexed owner, string reason);
    event EIP2612PermitFailedWithPanic(address indexed token, address indexed owner, uint256 errorCode);
    event EIP2612PermitFailedWithData(address indexed token, address indexed owner, bytes data);

    error InvalidDestination();
    error InvalidOwner();
    error InvalidAmount();
    error PaymentTooEarly();
    error Permit2612AmountMismatch();

    function _pay(
        PermitTransferFrom calldata permit, uint256 amount, address owner, address to, uint256 validAfter,
        bytes32 witness, string memory witnessTypeString, bytes calldata signature
    ) internal {
        if (amount == 0) revert InvalidAmount();
        if (owner == address(0)) revert InvalidOwner();
        if (to == address(0)) revert InvalidDestination();
        if (block.timestamp < validAfter) revert PaymentTooEarly();
        PERMIT2.permitWitnessTransferFrom(
            permit, SignatureTransferDetails(to, amount), owner, witness, witnessTypeString, signature);
    }

    /// A token that refuses the permit is only reported: an older approval may do.
    function _approve(EIP2612Permit calldata p, PermitTransferFrom calldata permit, address owner) internal {
        address token = permit.permitted.token;
        if (p.value != permit.permitted.amount) revert Permit2612AmountMismatch();
        try IPermitToken(token).permit(owner, address(PERMIT2), p.value, p.deadline, p.v, p.r, p.s) {}
        catch Error(string memory reason) { emit EIP2612PermitFailedWithReason(token, owner, reason); }
        catch Panic(uint256 code) { emit EIP2612PermitFailedWithPanic(token, owner, code); }
        catch (bytes memory data) { emit EIP2612PermitFailedWithData(token, owner, data); }
    }
}

/// Takes exactly the permitted amount.
contract SandboxExactProxy is SandboxPermit2Proxy {
    struct Witness { address to; uint256 validAfter; }

    string public constant WITNESS_TYPE_STRING = "Witness witness)"
        "TokenPermissions(address token,uint256 amount)Witness(address to,uint256 validAfter)";
    bytes32 public constant WITNESS_TYPEHASH = keccak256("Witness(address to,uint256 validAfter)");

    function settle(
        PermitTransferFrom calldata permit, address owner, Witness calldata witness, bytes calldata signature
    ) external {
        _settle(permit, owner, witness, signature);
        emit Settled();
    }

    function settleWithPermit(
        EIP2612Permit calldata permit2612, PermitTransferFrom calldata permit, address owner,
        Witness calldata witness, bytes calldata signature
    ) external {
        _approve(permit2612, permit, owner);
        _settle(permit, owner, witness, signature);
        emit SettledWithPermit();
    }

    function _settle(
        PermitTransferFrom calldata permit, address owner, Witness calldata witness, bytes calldata signature
    ) internal {
        bytes32 hash = keccak256(abi.encode(WITNESS_TYPEHASH, witness.to, witness.validAfter));
        _pay(permit, permit.permitted.amount, owner, witness.to, witness.validAfter, hash,
            WITNESS_TYPE_STRING, signature);
    }
}

/// Takes at most the permitted amount, and only when the named facilitator asks.
contract SandboxUptoProxy is SandboxPermit2Proxy {
    struct Witness { address to; address facilitator; uint256 validAfter; }

    string public constant WITNESS_TYPE_STRING = "Witness witness)"
        "TokenPermissions(address token,uint256 amount)"
        "Witness(address to,address facilitator,uint256 validAfter)";
    bytes32 public constant WITNESS_TYPEHASH = keccak256(
        "Witness(address to,address facilitator,uint256 validAfter)");

    error UnauthorizedFacilitator();
    error AmountExceedsPermitted();

    modifier allowed(PermitTransferFrom calldata permit, uint256 amount, Witness calldata witness) {
        if (amount > permit.permitted.amount) revert AmountExceedsPermitted();
        if (msg.sender != witness.facilitator) revert UnauthorizedFacilitator();
        _;
    }

    function settle(
        PermitTransferFrom calldata permit, uint256 amount, address owner, Witness calldata witness,
        bytes calldata signature
    ) external allowed(permit, amount, witness) {
        _settle(permit, amount, owner, witness, signature);
        emit Settled();
    }

    function settleWithPermit(
        EIP2612Permit calldata permit2612, PermitTransferFrom calldata permit, uint256 amount,
        address owner, Witness calldata witness, bytes calldata signature
    ) external allowed(permit, amount, witness) {
        _approve(permit2612, permit, owner);
        _settle(permit, amount, owner, witness, signature);
        emit SettledWithPermit();
    }

    function _settle(
        PermitTransferFrom calldata permit, uint256 amount, address owner, Witness calldata witness,
        bytes calldata signature
    ) internal {
        bytes32 hash = keccak256(
            abi.encode(WITNESS_TYPEHASH, witness.to, witness.facilitator, witness.validAfter));
        _pay(permit, amount, owner, witness.to, witness.validAfter, hash, WITNESS_TYPE_STRING, signature);
    }
}
