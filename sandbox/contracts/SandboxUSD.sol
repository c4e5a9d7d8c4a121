// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// Minimal USDC-v2-like test token: ERC-20 + EIP-3009 (vrs and bytes overloads) + EIP-2612.
/// No constructor state, so the runtime code can be written to any address of a genesis state.
contract SandboxUSD {
    string public constant symbol = "USDC";
    uint8 public constant decimals = 6;
    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    mapping(address => mapping(bytes32 => bool)) public authorizationState;
    mapping(address => uint256) public nonces;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);
    event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce);
    event AuthorizationCanceled(address indexed authorizer, bytes32 indexed nonce);

    bytes32 public constant TRANSFER_WITH_AUTHORIZATION_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)");
    bytes32 public constant RECEIVE_WITH_AUTHORIZATION_TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)");
    bytes32 public constant CANCEL_AUTHORIZATION_TYPEHASH = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
    bytes32 public constant PERMIT_TYPEHASH = keccak256(
        "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
    bytes32 constant DOMAIN_TYPEHASH = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

    function name() public pure returns (string memory) { return "USDC"; }
    function version() public pure returns (string memory) { return "2"; }

    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPEHASH, keccak256(bytes(name())), keccak256(bytes(version())), block.chainid, address(this)));
    }
    function mint(address to, uint256 v) external { totalSupply += v; balanceOf[to] += v; emit Transfer(address(0), to, v); }
    function _move(address f, address t, uint256 v) internal {
        require(balanceOf[f] >= v, "ERC20: transfer amount exceeds balance");
        unchecked { balanceOf[f] -= v; } balanceOf[t] += v; emit Transfer(f, t, v);
    }
    function transfer(address t, uint256 v) external returns (bool) { _move(msg.sender, t, v); return true; }
    function approve(address s, uint256 v) external returns (bool) { allowance[msg.sender][s] = v; emit Approval(msg.sender, s, v); return true; }
    function transferFrom(address f, address t, uint256 v) external returns (bool) {
        uint256 a = allowance[f][msg.sender]; require(a >= v, "ERC20: transfer amount exceeds allowance");
        if (a != type(uint256).max) allowance[f][msg.sender] = a - v;
        _move(f, t, v); return true;
    }
    function _digest(bytes32 s) internal view returns (bytes32) { return keccak256(abi.encodePacked("\x19\x01", DOMAIN_SEPARATOR(), s)); }
    function _check(address who, bytes32 s, uint8 v, bytes32 r, bytes32 ss) internal view {
        address a = ecrecover(_digest(s), v, r, ss); require(a != address(0) && a == who, "FiatTokenV2: invalid signature");
    }
    function transferWithAuthorization(address from, address to, uint256 value, uint256 va, uint256 vb, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) public {
        require(block.timestamp > va, "FiatTokenV2: authorization is not yet valid");
        require(block.timestamp < vb, "FiatTokenV2: authorization is expired");
        require(!authorizationState[from][nonce], "FiatTokenV2: authorization is used or canceled");
        _check(from, keccak256(abi.encode(TRANSFER_WITH_AUTHORIZATION_TYPEHASH, from, to, value, va, vb, nonce)), v, r, s);
        authorizationState[from][nonce] = true; emit AuthorizationUsed(from, nonce);
        _move(from, to, value);
    }
    function transferWithAuthorization(address from, address to, uint256 value, uint256 va, uint256 vb, bytes32 nonce, bytes calldata sig) external {
        require(sig.length == 65, "bad sig len");
        transferWithAuthorization(from, to, value, va, vb, nonce, uint8(sig[64]), bytes32(sig[0:32]), bytes32(sig[32:64]));
    }
    function receiveWithAuthorization(address from, address to, uint256 value, uint256 va, uint256 vb, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) public {
        require(to == msg.sender, "FiatTokenV2: caller must be the payee");
        require(block.timestamp > va, "FiatTokenV2: authorization is not yet valid");
        require(block.timestamp < vb, "FiatTokenV2: authorization is expired");
        require(!authorizationState[from][nonce], "FiatTokenV2: authorization is used or canceled");
        _check(from, keccak256(abi.encode(RECEIVE_WITH_AUTHORIZATION_TYPEHASH, from, to, value, va, vb, nonce)), v, r, s);
        authorizationState[from][nonce] = true; emit AuthorizationUsed(from, nonce);
        _move(from, to, value);
    }
    function receiveWithAuthorization(address from, address to, uint256 value, uint256 va, uint256 vb, bytes32 nonce, bytes calldata sig) external {
        require(sig.length == 65, "bad sig len");
        receiveWithAuthorization(from, to, value, va, vb, nonce, uint8(sig[64]), bytes32(sig[0:32]), bytes32(sig[32:64]));
    }
    function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external {
        require(!authorizationState[authorizer][nonce], "FiatTokenV2: authorization is used or canceled");
        _check(authorizer, keccak256(abi.encode(CANCEL_AUTHORIZATION_TYPEHASH, authorizer, nonce)), v, r, s);
        authorizationState[authorizer][nonce] = true; emit AuthorizationCanceled(authorizer, nonce);
    }
    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external {
        require(block.timestamp <= deadline, "FiatTokenV2: permit is expired");
        _check(owner, keccak256(abi.encode(PERMIT_TYPEHASH, owner, spender, value, nonces[owner]++, deadline)), v, r, s);
        allowance[owner][spender] = value; emit Approval(owner, spender, value);
    }
}
