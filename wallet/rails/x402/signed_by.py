"""Who signed an offer or a receipt, as far as that can be told without asking anybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from wallet.rails.codec import CodecError, decode_base64url
from wallet.rails.x402.did import Named, read_jwk, read_kid
from wallet.rails.x402.signed_object import Form, SignedObject, jws_part, signed_digest
from wallet.signatures import (
    Curve,
    PublicKey,
    evm_address,
    may_be_from,
    recover_address,
    verify,
)

ALGORITHMS: Mapping[str, Curve] = {
    "EdDSA": Curve.ED25519,
    "Ed25519": Curve.ED25519,
    "ES256": Curve.P256,
    "ES256K": Curve.SECP256K1,
}
"""What a JWS may be signed by; never `none`, and no shared secret (HS256 and the like)."""


class Standing(Enum):
    """What is known of a signature."""

    PAYEE = auto()
    """It is good, and by the account that is paid."""
    OTHER_KEY = auto()
    """It is good, by a key of which nothing here says whose it is."""
    NEEDS_FETCH = auto()
    """Its key would have to be fetched; it is not checked."""
    UNKNOWN_FORM = auto()
    """It is made in a way, or names its key in a way, that is not accepted here."""
    WRONG = auto()
    """It is not by the key that it names, or by no key at all."""


@dataclass(frozen=True, slots=True)
class SignedBy:
    """The standing of a signature; `web_host` is the host whose key it says it is, by did:web."""

    standing: Standing
    web_host: str | None = None


def signed_by(signed: SignedObject, pay_to: str) -> SignedBy:
    """Check a signature (Offer and Receipt Extension sections 4.5 and 5.5); blocking, never raises.

    A changed EIP-712 payload is not seen as such: its signature is then another key's.
    """
    if signed.form is Form.EIP712:
        signer = recover_address(signed_digest(signed), bytes.fromhex(signed.signature[2:]))
        return SignedBy(Standing.WRONG if signer is None else _of_account(signer, pay_to))
    header = jws_part(signed.signature, 0) or {}
    curve, kid = _algorithm(header), header.get("kid")
    # RFC 7515 section 4.1.11: what must be understood and is not makes a signature unusable.
    if curve is None or not isinstance(kid, str) or "crit" in header:
        return SignedBy(Standing.UNKNOWN_FORM)
    named = read_kid(kid)
    return SignedBy(_jws_standing(signed.signature, header, curve, named, pay_to), named.web_host)


def _algorithm(header: Mapping[str, Any]) -> Curve | None:
    name = header.get("alg")
    return ALGORITHMS.get(name) if isinstance(name, str) else None


def _jws_standing(
    jws: str, header: Mapping[str, Any], curve: Curve, named: Named, pay_to: str
) -> Standing:
    message, _, coded = jws.rpartition(".")
    try:
        signature = decode_base64url(coded)
    except CodecError:
        return Standing.WRONG
    beside = read_jwk(header.get("jwk"))
    if "jwk" in header and beside is None:
        return Standing.UNKNOWN_FORM
    if named.account is not None:
        if curve is not Curve.SECP256K1:
            return Standing.UNKNOWN_FORM
        if beside is not None and not _is_of(beside, named.account):
            return Standing.WRONG
        good = may_be_from(named.account, message.encode("ascii"), signature)
        return _of_account(named.account, pay_to) if good else Standing.WRONG
    if named.key is not None and beside is not None and not _is_same(named.key, beside):
        return Standing.WRONG
    key = named.key or beside
    if key is None:
        return Standing.UNKNOWN_FORM if named.web_host is None else Standing.NEEDS_FETCH
    if key.curve is not curve or not verify(key, message.encode("ascii"), signature):
        return Standing.WRONG
    return _of_account(evm_address(key), pay_to)


def _of_account(signer: str | None, pay_to: str) -> Standing:
    is_payee = signer is not None and signer.lower() == pay_to.lower()
    return Standing.PAYEE if is_payee else Standing.OTHER_KEY


def _is_of(key: PublicKey, account: str) -> bool:
    address = evm_address(key)
    return address is not None and address.lower() == account.lower()


def _is_same(one: PublicKey, other: PublicKey) -> bool:
    """Compare two keys, either of which may be written as a compressed point."""
    if one.curve is not other.curve or one.curve is Curve.ED25519:
        return one == other
    x_of = slice(1, 33)
    if one.data[x_of] != other.data[x_of]:
        return False
    return _is_odd(one) == _is_odd(other)


def _is_odd(key: PublicKey) -> bool:
    """Tell the parity of a point's y coordinate (SEC 1 section 2.3.3)."""
    first, last = key.data[0], key.data[-1]
    return bool(last & 1) if first == 4 else first == 3
