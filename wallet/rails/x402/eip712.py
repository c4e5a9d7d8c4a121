"""The EIP-712 form of a transfer; its domain comes from our own table, never from a challenge."""

from __future__ import annotations

from typing import Any

from wallet.assets import Asset
from wallet.model import Method, Transfer
from wallet.rails.x402.evm import is_address, is_hash, keccak256

DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
TRANSFER_TYPE = (
    "TransferWithAuthorization(address from,address to,uint256 value,"
    "uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)


def transfer_typed_data(transfer: Transfer, asset: Asset) -> dict[str, Any]:
    """Return the whole EIP-712 message of an EIP-3009 `TransferWithAuthorization`.

    Integers are ints, the nonce is 0x and 64 hex digits.

    Raises:
        ValueError: `asset` is not the token the transfer names, or a field does not fit.
    """
    check_terms(transfer, asset, Method.EIP3009)
    return {
        "types": {
            "EIP712Domain": _members(DOMAIN_TYPE),
            _name(TRANSFER_TYPE): _members(TRANSFER_TYPE),
        },
        "primaryType": _name(TRANSFER_TYPE),
        "domain": token_domain(asset),
        "message": {
            "from": transfer.payer,
            "to": transfer.pay_to,
            "value": transfer.amount_atomic,
            "validAfter": transfer.valid_after,
            "validBefore": transfer.valid_before,
            "nonce": transfer.nonce,
        },
    }


def transfer_digest(transfer: Transfer, asset: Asset) -> bytes:
    """Return the 32 bytes that are signed for the transfer (EIP-712, EIP-3009).

    Raises:
        ValueError: `asset` is not the token the transfer names, or a field does not fit.
    """
    check_terms(transfer, asset, Method.EIP3009)
    struct = b"".join(
        (
            keccak256(TRANSFER_TYPE.encode("ascii")),
            _address_word(transfer.payer),
            _address_word(transfer.pay_to),
            _uint_word(transfer.amount_atomic),
            _uint_word(transfer.valid_after),
            _uint_word(transfer.valid_before),
            bytes.fromhex(transfer.nonce[2:]),
        )
    )
    return keccak256(b"\x19\x01" + domain_separator(asset) + keccak256(struct))


def domain_separator(asset: Asset) -> bytes:
    """Return the 32-byte EIP-712 domain separator of a token, as its contract computes it."""
    return keccak256(
        b"".join(
            (
                keccak256(DOMAIN_TYPE.encode("ascii")),
                keccak256(asset.eip712_name.encode("utf-8")),
                keccak256(asset.eip712_version.encode("utf-8")),
                _uint_word(_chain_id(asset)),
                _address_word(asset.address),
            )
        )
    )


def token_domain(asset: Asset) -> dict[str, Any]:
    """Return the EIP-712 domain of a token, from our own table."""
    return {
        "name": asset.eip712_name,
        "version": asset.eip712_version,
        "chainId": _chain_id(asset),
        "verifyingContract": asset.address,
    }


def check_terms(transfer: Transfer, asset: Asset, *methods: Method) -> None:
    """Check that a transfer is of one of these methods and fits its types and its table row.

    Raises:
        ValueError: it does not.
    """
    if transfer.method not in methods:
        raise ValueError("the transfer must be made by another method")
    if (transfer.facilitator is not None) != (transfer.method is Method.UPTO):
        raise ValueError("an upto transfer, and no other, must name its facilitator")
    same_token = transfer.asset.lower() == asset.address.lower()
    if transfer.network_id != asset.network or not same_token:
        raise ValueError("the transfer names another token than the table row")
    if not (is_address(transfer.payer) and is_address(transfer.pay_to)):
        raise ValueError("payer and payee must be 0x and 40 hex digits")
    if not is_hash(transfer.nonce):
        raise ValueError("the nonce must be 0x and 64 hex digits")
    for value in (transfer.amount_atomic, transfer.valid_after, transfer.valid_before):
        _uint_word(value)


def _chain_id(asset: Asset) -> int:
    return int(asset.network.removeprefix("eip155:"))


def _uint_word(value: int) -> bytes:
    if not 0 <= value < 2**256:
        raise ValueError("a number must fit in 256 bits")
    return value.to_bytes(32, "big")


def _address_word(address: str) -> bytes:
    return bytes.fromhex(address[2:]).rjust(32, b"\0")


def _name(type_text: str) -> str:
    return type_text.partition("(")[0]


def _members(type_text: str) -> list[dict[str, str]]:
    members = type_text.partition("(")[2].removesuffix(")").split(",")
    pairs = (member.split(" ") for member in members)
    return [{"name": name, "type": kind} for kind, name in pairs]
