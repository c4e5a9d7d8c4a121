"""Sellers whose pages open again to whoever signs in: an honest one, and some who want more."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from eth_account import Account
from eth_account.messages import encode_defunct

from sandbox.hostile.scene import Play, Reply, Scene, Visit, refused, settled
from sandbox.hostile.wording import CANARY, PLAIN, asking, challenge
from sandbox.run import BUYER, NETWORK

AGAIN = b"the goods, for nothing this time"


def _time(ahead_s: int = 0) -> str:
    moment = datetime.now(UTC) + timedelta(seconds=ahead_s)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _declared(visit: Visit, **changes: Any) -> dict[str, Any]:
    url = visit.urls["seller"]
    info = {
        "domain": urlsplit(url).netloc,
        "uri": url,
        "version": "1",
        "nonce": secrets.token_hex(16),
        "issuedAt": _time(),
        "expirationTime": _time(300),
        "statement": CANARY,
        "resources": [url, f"urn:recap:{CANARY}"],
        "requestId": CANARY,
    }
    chains = [{"chainId": "eip155:1", "type": "eip191"}, {"chainId": NETWORK, "type": "eip191"}]
    return {"sign-in-with-x": {"info": {**info, **changes}, "supportedChains": chains}}


def _opens_to(visit: Visit, proof: Any) -> bool:
    """Rebuild the text from its fields and recover who signed it (EIP-4361, EIP-191)."""
    text = (
        f"{urlsplit(visit.urls['seller']).netloc} wants you to sign in with your Ethereum account:"
        f"\n{proof['address']}\n\n\nURI: {proof['uri']}\nVersion: 1\n"
        f"Chain ID: {NETWORK.partition(':')[2]}\nNonce: {proof['nonce']}\n"
        f"Issued At: {proof['issuedAt']}\nExpiration Time: {proof['expirationTime']}"
    )
    signer = Account.recover_message(encode_defunct(text=text), signature=proof["signature"])
    return signer == proof["address"] == BUYER


def _only_members(visit: Visit) -> Reply:
    return asking(challenge(accepts=[], extensions=_declared(visit)))


def _asks(*, lets_in: bool = True, **changes: Any) -> Play:
    def play(visit: Visit) -> Reply:
        if visit.sign_in is not None and lets_in and _opens_to(visit, visit.sign_in):
            return Reply(200, (PLAIN,), AGAIN)
        return asking(challenge(extensions=_declared(visit, **changes)))

    return play


SCENES = (
    Scene("/members/page", 8, "a page that opens again to its buyer", _asks(), settled()),
    Scene("/members/other", 8, "another page of that kind", _asks(), settled()),
    Scene(
        "/members/only",
        8,
        "a page that opens to a signature alone",
        _only_members,
        refused("no_payable_offer"),
    ),
    Scene(
        "/members/refuses",
        8,
        "a page that takes a signature and asks for money all the same",
        _asks(lets_in=False),
        settled(),
    ),
    Scene(
        "/members/phishing",
        8,
        "a text to sign in with at another site",
        _asks(domain="bank.example", uri="https://bank.example/"),
        settled(),
    ),
    Scene(
        "/members/injecting",
        8,
        "a text to sign in with whose nonce holds more lines",
        _asks(nonce=f"abcdefgh\nResources:\n- urn:recap:{CANARY}"),
        settled(),
    ),
)
