"""One entry of `accepts`: decoded on its own, so that a bad offer spoils nothing but itself."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from wallet.assets import find_network
from wallet.model import Offer, UnreadableOffer
from wallet.money import parse_atomic
from wallet.rails.codec import as_object
from wallet.rails.x402.evm import ZERO_ADDRESS, checksum_address, has_wrong_checksum, is_address

RAIL = "x402"
GATEWAY_METHOD = "gateway"
UPTO = "upto"
DEFAULT_TIMEOUT_S = 60
NETWORK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9:_.-]{0,63}", re.ASCII)

_GATEWAY_NAME = "GatewayWalletBatched"
_MAX_TIMEOUT_S = 2**53 - 1
_MAX_NAME_CHARS = 64
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", re.ASCII)
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)


class _Unreadable(Exception):
    """A field that cannot be read; the text is one of the fixed reasons below."""


def decode_offer(version: int, index: int, entry: object) -> Offer | UnreadableOffer:
    """Decode one offer of x402 v1 or v2 (x402 v2 section 5.1.2) without ever raising.

    EVM addresses come out EIP-55 checksummed; `raw` keeps the seller's spelling. A missing
    `maxTimeoutSeconds` counts as 60 s, which only shortens what would be signed; one that is
    present must be a positive integer.
    """
    fields = as_object(entry)
    if fields is None:
        return UnreadableOffer(index, "the offer is not an object")
    try:
        return _decode(version, index, fields)
    except _Unreadable as error:
        return UnreadableOffer(index, str(error))


def _decode(version: int, index: int, fields: dict[str, Any]) -> Offer:
    scheme = _matching(fields, "scheme", _TOKEN)
    network = _matching(fields, "network", NETWORK_NAME)
    known = find_network(network)
    is_evm = known is not None or network.startswith("eip155:")
    asset = _address(fields, "asset") if is_evm else _matching(fields, "asset", _PRINTABLE)
    extra = _extra(fields)
    name = extra.get("name")
    method = _transfer_method(extra, asset, scheme)
    _check_method(version, scheme, method, extra)
    return Offer(
        rail=RAIL,
        version=version,
        index=index,
        scheme=scheme,
        network=network,
        network_id=known.id if known else None,
        asset=asset,
        amount_atomic=_amount(fields, "maxAmountRequired" if version == 1 else "amount"),
        pay_to=_checked_address(fields, "payTo")
        if is_evm
        else _matching(fields, "payTo", _PRINTABLE),
        max_timeout_s=_timeout_s(fields),
        transfer_method=method,
        payment_flow=_option(extra, "paymentFlow", "authorization"),
        extra_name=name if isinstance(name, str) and len(name) <= _MAX_NAME_CHARS else None,
        raw=fields,
    )


def _matching(fields: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = fields.get(name)
    if value is None:
        raise _Unreadable(f"{name} is missing")
    if not isinstance(value, str):
        raise _Unreadable(f"{name} is not a string")
    if pattern.fullmatch(value) is None:
        raise _Unreadable(f"{name} is too long or has characters that do not belong there")
    return value


def _address(fields: Mapping[str, Any], name: str) -> str:
    value = _matching(fields, name, _PRINTABLE)
    if not is_address(value):
        raise _Unreadable(f"{name} is not an address of 0x and 40 hex digits")
    return checksum_address(value)


def _checked_address(fields: Mapping[str, Any], name: str) -> str:
    address = _address(fields, name)
    if address == ZERO_ADDRESS:
        raise _Unreadable(f"{name} is the zero address")
    if has_wrong_checksum(fields[name]):
        raise _Unreadable(f"{name} fails its EIP-55 checksum")
    return address


def _amount(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    if value is None:
        raise _Unreadable(f"{name} is missing")
    if not isinstance(value, str):
        raise _Unreadable(f"{name} is not a string of digits")
    try:
        amount_atomic = parse_atomic(value)
    except ValueError:
        amount_atomic = None
    if amount_atomic is None:
        raise _Unreadable(f"{name} is not a string of digits")
    if amount_atomic == 0:
        raise _Unreadable(f"{name} is zero")
    return amount_atomic


def _timeout_s(fields: Mapping[str, Any]) -> int:
    value = fields.get("maxTimeoutSeconds")
    if value is None:
        return DEFAULT_TIMEOUT_S
    if isinstance(value, bool) or not isinstance(value, int):
        raise _Unreadable("maxTimeoutSeconds is not an integer")
    if not 0 < value <= _MAX_TIMEOUT_S:
        raise _Unreadable("maxTimeoutSeconds is out of range")
    return value


def _extra(fields: Mapping[str, Any]) -> dict[str, Any]:
    value = fields.get("extra")
    extra = {} if value is None else as_object(value)
    if extra is None:
        raise _Unreadable("extra is not an object")
    return extra


def _option(extra: Mapping[str, Any], name: str, default: str) -> str:
    if extra.get(name) is None:
        return default
    with _inside_extra():
        return _matching(extra, name, _TOKEN)


@contextmanager
def _inside_extra() -> Generator[None]:
    try:
        yield
    except _Unreadable as error:
        raise _Unreadable(f"extra.{error}") from None


def facilitator_of(offer: Offer) -> str:
    """Return the EIP-55 address of the one facilitator that may settle an `upto` offer."""
    return checksum_address(offer.raw["extra"]["facilitatorAddress"])


def _check_method(version: int, scheme: str, method: str, extra: Mapping[str, Any]) -> None:
    """Refuse what contradicts itself; a scheme or method that is merely unknown is let through."""
    if method == GATEWAY_METHOD:
        return
    if version == 1 and (scheme == UPTO or method == "permit2"):
        raise _Unreadable("x402 v1 has no Permit2 transfers")
    if scheme == UPTO and method != "permit2":
        raise _Unreadable("extra.assetTransferMethod is not permit2, as upto demands")
    if scheme == UPTO:
        with _inside_extra():
            _checked_address(extra, "facilitatorAddress")


def _transfer_method(extra: Mapping[str, Any], asset: str, scheme: str) -> str:
    """Name how the token moves; a Circle Gateway offer is `gateway` whatever else it says.

    Its authorization is signed for the Gateway wallet's domain, not the token's, so reading it
    as a plain EIP-3009 offer would sign something that cannot settle.
    """
    contract = extra.get("verifyingContract")
    elsewhere = contract is not None and (
        not isinstance(contract, str) or contract.lower() != asset.lower()
    )
    if elsewhere or extra.get("name") == _GATEWAY_NAME:
        return GATEWAY_METHOD
    return _option(extra, "assetTransferMethod", "permit2" if scheme == UPTO else "eip3009")
