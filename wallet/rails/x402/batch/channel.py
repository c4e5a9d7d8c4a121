"""What a payment channel is, and every digest that is signed for one (EIP-712).

A channel is a deposit in the settlement contract. Each voucher names the channel and a total: the
most that the payee may have claimed of the deposit so far. A later voucher covers every earlier
one, and none runs out before the deposit does.
"""

from __future__ import annotations

from dataclasses import dataclass

from wallet.assets import Asset
from wallet.bounds import LONGEST_DELAY_S, SHORTEST_DELAY_S
from wallet.rails.x402.eip712 import domain_separator
from wallet.rails.x402.evm import is_address, is_hash, keccak256

SCHEME = "batch-settlement"
SETTLEMENT = "0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003"
"""The contract that keeps deposits, at one address on every chain (x402 batch-settlement, EVM)."""
COLLECTOR = "0x4020806089470a89826cB9fB1f4059150b550004"
"""The contract that draws a deposit by an EIP-3009 authorization and hands it to the former."""

UINT128_MAX = 2**128 - 1

_DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_CONFIG_TYPE = (
    "ChannelConfig(address payer,address payerAuthorizer,address receiver,"
    "address receiverAuthorizer,address token,uint40 withdrawDelay,bytes32 salt)"
)
_VOUCHER_TYPE = "Voucher(bytes32 channelId,uint128 maxClaimableAmount)"
_RECEIVE_TYPE = (
    "ReceiveWithAuthorization(address from,address to,uint256 value,"
    "uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)


@dataclass(frozen=True, slots=True)
class ChannelConfig:
    """The immutable terms of a channel; its id is their hash, bound to chain and contract.

    Addresses are EIP-55 checksummed, `salt` is 0x and 64 hex digits. The payer signs its own
    vouchers, so `payerAuthorizer` is the payer. `receiver_authorizer` signs claims and refunds for
    the payee; `withdraw_delay_s` is how long the payer must wait to take back what is unclaimed.
    """

    network_id: str
    payer: str
    receiver: str
    receiver_authorizer: str
    token: str
    withdraw_delay_s: int
    salt: str


@dataclass(frozen=True, slots=True)
class Deposit:
    """The deposit that opens a channel: an EIP-3009 `ReceiveWithAuthorization` to the collector.

    `salt` (0x and 64 hex digits) is the authorization's own, not the channel's. `valid_before` is
    a unix time in seconds; the authorization is good from the start of time.
    """

    channel: ChannelConfig
    amount_atomic: int
    valid_before: int
    salt: str


@dataclass(frozen=True, slots=True)
class Voucher:
    """A promise that the payee may have claimed `max_claimable_atomic` in all, and no more."""

    channel: ChannelConfig
    max_claimable_atomic: int


def channel_id(config: ChannelConfig) -> str:
    """Return the id of a channel: 0x and 64 hex digits (the EIP-712 digest of its terms).

    Raises:
        ValueError: a field does not fit its type.
    """
    return "0x" + _digest(config.network_id, _config_hash(config)).hex()


def voucher_digest(voucher: Voucher) -> bytes:
    """Return the 32 bytes that are signed for a voucher.

    Raises:
        ValueError: a field does not fit its type.
    """
    if not 0 <= voucher.max_claimable_atomic <= UINT128_MAX:
        raise ValueError("a voucher's total must fit in 128 bits")
    words = bytes.fromhex(channel_id(voucher.channel)[2:]) + _uint(voucher.max_claimable_atomic)
    return _digest(voucher.channel.network_id, keccak256(_type_hash(_VOUCHER_TYPE) + words))


def deposit_nonce(deposit: Deposit) -> str:
    """Return the nonce the collector wants: keccak256(abi.encode(channelId, salt))."""
    if not is_hash(deposit.salt):
        raise ValueError("a salt must be 0x and 64 hex digits")
    joined = bytes.fromhex(channel_id(deposit.channel)[2:] + deposit.salt[2:])
    return "0x" + keccak256(joined).hex()


def deposit_digest(deposit: Deposit, asset: Asset) -> bytes:
    """Return the 32 bytes that are signed for a deposit, under the token's own domain (EIP-3009).

    Raises:
        ValueError: `asset` is not the channel's token, or a field does not fit its type.
    """
    channel = deposit.channel
    same_token = channel.token.lower() == asset.address.lower()
    if channel.network_id != asset.network or not same_token:
        raise ValueError("the channel names another token than the table row")
    if not 0 < deposit.amount_atomic <= UINT128_MAX:
        raise ValueError("a deposit must be positive and fit in 128 bits")
    struct = b"".join(
        (
            _type_hash(_RECEIVE_TYPE),
            _address(channel.payer),
            _address(COLLECTOR),
            _uint(deposit.amount_atomic),
            _uint(0),
            _uint(deposit.valid_before),
            bytes.fromhex(deposit_nonce(deposit)[2:]),
        )
    )
    return keccak256(b"\x19\x01" + domain_separator(asset) + keccak256(struct))


def _config_hash(config: ChannelConfig) -> bytes:
    if not SHORTEST_DELAY_S <= config.withdraw_delay_s <= LONGEST_DELAY_S:
        raise ValueError("the withdraw delay is out of range")
    if not is_hash(config.salt):
        raise ValueError("a salt must be 0x and 64 hex digits")
    words = (
        _address(config.payer),
        _address(config.payer),
        _address(config.receiver),
        _address(config.receiver_authorizer),
        _address(config.token),
        _uint(config.withdraw_delay_s),
        bytes.fromhex(config.salt[2:]),
    )
    return keccak256(_type_hash(_CONFIG_TYPE) + b"".join(words))


def _digest(network_id: str, struct_hash: bytes) -> bytes:
    domain = b"".join(
        (
            _type_hash(_DOMAIN_TYPE),
            keccak256(b"x402 Batch Settlement"),
            keccak256(b"1"),
            _uint(int(network_id.removeprefix("eip155:"))),
            _address(SETTLEMENT),
        )
    )
    return keccak256(b"\x19\x01" + keccak256(domain) + struct_hash)


def _type_hash(type_text: str) -> bytes:
    return keccak256(type_text.encode("ascii"))


def _uint(value: int) -> bytes:
    if not 0 <= value < 2**256:
        raise ValueError("a number must fit in 256 bits")
    return value.to_bytes(32, "big")


def _address(address: str) -> bytes:
    if not is_address(address):
        raise ValueError("an address must be 0x and 40 hex digits")
    return bytes.fromhex(address[2:]).rjust(32, b"\0")
