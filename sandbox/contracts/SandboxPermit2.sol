// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

struct TokenPermissions { address token; uint256 amount; }
struct PermitTransferFrom { TokenPermissions permitted; uint256 nonce; uint256 deadline; }
struct SignatureTransferDetails { address to; uint256 requestedAmount; }

/// Stands in for Permit2's signature transfers, from the public ABI and EIP-712 types. Like the real
/// one it has no event for a transfer: what shows a used nonce is its bit in `nonceBitmap`.
/// Left out: batches, the allowance half, EIP-1271 signers and EIP-2098 signatures.
contract SandboxPermit2 {
    bytes32 constant DOMAIN_TYPEHASH = keccak256(
        "EIP712Domain(string name,uint256 chainId,address verifyingContract)");
    bytes32 constant TOKEN_PERMISSIONS_TYPEHASH = keccak256(
        "TokenPermissions(address token,uint256 amount)");
    string constant PERMIT_TYPE_STUB = "PermitWitnessTransferFrom("
        "TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,";

    /// owner => nonce / 256 => one bit for each nonce
    mapping(address => mapping(uint256 => uint256)) public nonceBitmap;

    event UnorderedNonceInvalidation(address indexed owner, uint256 word, uint256 mask);

    error SignatureExpired(uint256 signatureDeadline);
    error InvalidAmount(uint256 maxAmount);
    error InvalidNonce();
    error InvalidSignatureLength();
    error InvalidSignature();
    error InvalidSigner();

    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPEHASH, keccak256("Permit2"), block.chainid, address(this)));
    }

    function invalidateUnorderedNonces(uint256 wordPos, uint256 mask) external {
        nonceBitmap[msg.sender][wordPos] |= mask;
        emit UnorderedNonceInvalidation(msg.sender, wordPos, mask);
    }

    function permitWitnessTransferFrom(
        PermitTransferFrom calldata permit, SignatureTransferDetails calldata details, address owner,
        bytes32 witness, string calldata witnessTypeString, bytes calldata signature
    ) external {
        if (block.timestamp > permit.deadline) revert SignatureExpired(permit.deadline);
        if (details.requestedAmount > permit.permitted.amount) revert InvalidAmount(permit.permitted.amount);
        _useNonce(owner, permit.nonce);
        _checkSigner(owner, _digest(permit, witness, witnessTypeString), signature);
        _pull(permit.permitted.token, owner, details.to, details.requestedAmount);
    }

    function _useNonce(address owner, uint256 nonce) internal {
        uint256 bit = 1 << (nonce & 0xff);
        uint256 word = nonceBitmap[owner][nonce >> 8];
        if (word & bit != 0) revert InvalidNonce();
        nonceBitmap[owner][nonce >> 8] = word | bit;
    }

    /// The spender in the signed struct is whoever calls: here one of the x402 proxies.
    function _digest(PermitTransferFrom calldata permit, bytes32 witness, string calldata witnessTypeString)
        internal view returns (bytes32)
    {
        bytes32 typehash = keccak256(abi.encodePacked(PERMIT_TYPE_STUB, witnessTypeString));
        bytes32 permitted = keccak256(
            abi.encode(TOKEN_PERMISSIONS_TYPEHASH, permit.permitted.token, permit.permitted.amount));
        bytes32 hash = keccak256(
            abi.encode(typehash, permitted, msg.sender, permit.nonce, permit.deadline, witness));
        return keccak256(abi.encodePacked("\x19\x01", DOMAIN_SEPARATOR(), hash));
    }

    function _checkSigner(address owner, bytes32 digest, bytes calldata signature) internal pure {
        if (signature.length != 65) revert InvalidSignatureLength();
        address signer = ecrecover(
            digest, uint8(signature[64]), bytes32(signature[0:32]), bytes32(signature[32:64]));
        if (signer == address(0)) revert InvalidSignature();
        if (signer != owner) revert InvalidSigner();
    }

    function _pull(address token, address from, address to, uint256 amount) internal {
        (bool done, bytes memory answer) = token.call(
            abi.encodeWithSignature("transferFrom(address,address,uint256)", from, to, amount));
        require(done && (answer.length == 0 || abi.decode(answer, (bool))), "TRANSFER_FROM_FAILED");
    }
}
