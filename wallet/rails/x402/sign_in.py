"""The x402 extension `sign-in-with-x`: signing in again where this wallet has paid (EIP-4361).

Only fields of fixed form are signed. The seller's statement, resources and request id are not:
prose is nothing to sign, and a resource may grant something (EIP-5573).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from wallet.model import Purchase, State
from wallet.rails.codec import as_array, as_object, encode_header

EXTENSION = "sign-in-with-x"
HEADER = "SIGN-IN-WITH-X"
MAX_CHAINS = 20

_TYPE = "eip191"
_VERSION = "1"
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z"
_FORMS: Mapping[str, re.Pattern[str]] = {
    "domain": re.compile(r"[a-z0-9.-]{1,253}(?::[0-9]{1,5})?|\[[0-9a-f:.]{2,45}\](?::[0-9]{1,5})?"),
    "uri": re.compile(r"https?://[A-Za-z0-9._~:/?#\[\]!$&'()*+,;=%-]{1,2000}"),
    "chain_id": re.compile(r"eip155:[1-9][0-9]{0,31}"),
    "nonce": re.compile(r"[A-Za-z0-9]{8,128}"),
    "issued_at": re.compile(_TIME),
    "expires_at": re.compile(_TIME),
    "not_before": re.compile(_TIME),
}
_OPTIONAL = ("expires_at", "not_before")
_WIRE = {
    "chain_id": "chainId",
    "issued_at": "issuedAt",
    "expires_at": "expirationTime",
    "not_before": "notBefore",
}


@dataclass(frozen=True, slots=True)
class SignIn:
    """All that is signed beside the wallet's address; times are RFC 3339 in UTC, as received."""

    domain: str
    uri: str
    chain_id: str
    nonce: str
    issued_at: str
    expires_at: str | None = None
    not_before: str | None = None


def read_sign_in(extensions: Mapping[str, Any], networks: Collection[str]) -> SignIn | None:
    """Read what a seller asks to be signed, for the first of its chains that is in `networks`.

    None where it asks for nothing, for chains that are not enabled, or in no form that is signed.
    """
    extension = as_object(extensions.get(EXTENSION)) or {}
    info = as_object(extension.get("info")) or {}
    chain = _chain(as_array(extension.get("supportedChains")) or [], networks)
    if chain is None or info.get("version") != _VERSION:
        return None
    fields: dict[str, Any] = {"chain_id": chain}
    for name in _FORMS:
        if name != "chain_id":
            fields[name] = info.get(_WIRE.get(name, name))
    asked = SignIn(**fields)
    return asked if _is_well_formed(asked) else None


def objection(asked: SignIn, purchase: Purchase | None, address: str) -> str | None:
    """Say why a text may not be signed for a purchase, or return None.

    The purchase is one that this wallet paid for, at the very site that is signed in to.
    """
    if purchase is None or purchase.state is not State.SETTLED or purchase.transfer is None:
        return "there is no settled purchase to sign in for"
    if purchase.transfer.payer != address:
        return "the purchase to sign in for was another wallet's"
    if not _is_well_formed(asked):
        return "a field of the text to sign in with is not of its form"
    if not names_site(asked, purchase.url):
        return "the text to sign in with names another site than the purchase"
    return None


def names_site(asked: SignIn, url: str) -> bool:
    """Tell whether `domain` is the URL's host and `uri` of its origin; anything else is phishing.

    EIP-4361 writes the port into the domain; some sellers leave it out.
    """
    try:
        here, named = urlsplit(url), urlsplit(asked.uri)
        same = (here.scheme, here.hostname, here.port) == (named.scheme, named.hostname, named.port)
    except ValueError:
        return False
    if not same or here.scheme not in ("http", "https") or "@" in here.netloc + named.netloc:
        return False
    host = here.hostname or ""
    bare = f"[{host}]" if ":" in host else host
    return bool(host) and asked.domain in (bare, here.netloc.lower())


def sign_in_message(asked: SignIn, address: str) -> str:
    """Return the text that is signed (EIP-4361, without a statement); `address` is EIP-55."""
    lines = [
        f"{asked.domain} wants you to sign in with your Ethereum account:",
        address,
        "",
        "",
        f"URI: {asked.uri}",
        f"Version: {_VERSION}",
        f"Chain ID: {asked.chain_id.removeprefix('eip155:')}",
        f"Nonce: {asked.nonce}",
        f"Issued At: {asked.issued_at}",
    ]
    if asked.expires_at is not None:
        lines.append(f"Expiration Time: {asked.expires_at}")
    if asked.not_before is not None:
        lines.append(f"Not Before: {asked.not_before}")
    return "\n".join(lines)


def sign_in_headers(asked: SignIn, address: str, signature: str) -> dict[str, str]:
    """Return the header of the request that is signed in."""
    written = {_WIRE.get(name, name): value for name, value in asdict(asked).items()}
    proof = {name: value for name, value in written.items() if value is not None}
    proof |= {"version": _VERSION, "type": _TYPE, "address": address, "signature": signature}
    return {HEADER: encode_header(proof)}


def _chain(entries: list[Any], networks: Collection[str]) -> str | None:
    for entry in entries[:MAX_CHAINS]:
        fields = as_object(entry) or {}
        chain = fields.get("chainId")
        if fields.get("type") == _TYPE and isinstance(chain, str) and chain in networks:
            return chain
    return None


def _is_well_formed(asked: SignIn) -> bool:
    for name, form in _FORMS.items():
        value = getattr(asked, name)
        if value is None and name in _OPTIONAL:
            continue
        if not isinstance(value, str) or form.fullmatch(value) is None:
            return False
    return True
