"""Seeded challenges with odd but legal contents, and our payments for them."""

from __future__ import annotations

import base64
import json
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from eth_account import Account

from wallet.assets import Asset, assets, find_asset, networks
from wallet.exchange import WebRequest, WebResponse
from wallet.model import Challenge, Method, Offer, Transfer
from wallet.rails.base import Draft
from wallet.rails.x402 import X402Rail
from wallet.rails.x402.eip712 import transfer_digest
from wallet.rails.x402.evm import checksum_address
from wallet.rails.x402.permit2 import permit2_digest

COUNT = int(os.environ.get("PURSER_DIFFERENTIAL", "1000"))
"""So many payments are judged; set PURSER_DIFFERENTIAL for a longer run."""

ACCOUNT = cast("Any", Account).from_key("0x" + "2f" * 32)
PAYMENT_ID = "pay_" + "0" * 32
RAIL = X402Rail()
NOT_IN_TYPESCRIPT = frozenset({"monad-testnet"})
"""x402 v1 names that the Python SDK has and the TypeScript SDK does not."""
_TEXTS = ["", "x", "Zürich \U0001f980", '"quoted" \\ /', "\u2028 a\tb", "0x00", "é" * 40]
_SEED = 402


@dataclass(frozen=True)
class Payment:
    """A challenge as its header, and what we sent for it."""

    version: int
    challenge: str
    header: str
    digest: bytes
    transfer: Transfer

    def question(self, *, recover: bool) -> str:
        """Return the line that `official.mjs` reads."""
        fields = {
            "version": self.version,
            "challenge": self.challenge,
            "header": self.header,
            "payer": self.transfer.payer,
            "recover": recover,
        }
        return json.dumps(fields)


def payments(count: int = COUNT) -> Iterator[Payment]:
    """Yield payments for `count` different challenges, the same ones each time but for the hour."""
    chance = random.Random(_SEED)
    for _ in range(count):
        yield _payment(chance)


def _payment(chance: random.Random) -> Payment:
    asset = chance.choice(list(assets().values()))
    names = _v1_names(asset)
    kind = chance.choice(["v1" if names else "v2", "v2", "permit2", "upto"])
    version = 1 if kind == "v1" else 2
    offer = _offer(chance, asset, kind)
    envelope: dict[str, Any] = {"x402Version": version, "accepts": [offer]}
    if version == 2:
        envelope["resource"] = {"url": "https://api.example.com/", "description": _text(chance)}
        if chance.random() < 0.5:
            envelope["extensions"] = {"bazaar": {"info": _odd(chance), "schema": _odd(chance)}}
    text = json.dumps(envelope, ensure_ascii=chance.random() < 0.5)
    coded = base64.b64encode(text.encode()).decode()
    headers = (("PAYMENT-REQUIRED", coded),) if version == 2 else ()
    body = text.encode() if version == 1 else b"{}"
    response = WebResponse("https://api.example.com/", 402, headers, body, False)
    challenge = RAIL.recognise(response)
    assert challenge is not None
    assert not challenge.unreadable, challenge.unreadable
    return _paid(chance, challenge, challenge.offers[0], coded)


def _paid(chance: random.Random, challenge: Challenge, offer: Offer, coded: str) -> Payment:
    draft = Draft(
        payer=ACCOUNT.address,
        now_s=int(time.time()),
        validity_s=900,
        random=chance.randbytes(32),
        payment_id=PAYMENT_ID,
        request=WebRequest("GET", "https://api.example.com/"),
    )
    transfer = RAIL.freeze(challenge, offer, draft)
    asset = find_asset(transfer.network_id, transfer.asset)
    assert asset is not None
    digests = transfer_digest if transfer.method is Method.EIP3009 else permit2_digest
    digest = digests(transfer, asset)
    signature = "0x" + bytes(ACCOUNT.unsafe_sign_hash(digest).signature).hex()
    headers = RAIL.payment_headers(challenge, offer, transfer, signature, PAYMENT_ID)
    ((_, header),) = headers.items()
    return Payment(challenge.version, coded, header, digest, transfer)


def _offer(chance: random.Random, asset: Asset, kind: str) -> dict[str, Any]:
    extra: dict[str, Any] = {"name": asset.eip712_name, "version": asset.eip712_version}
    if kind in ("permit2", "upto"):
        extra = {"name": _text(chance), "version": _text(chance), "assetTransferMethod": "permit2"}
    elif kind == "v2" and chance.random() < 0.3:
        extra["assetTransferMethod"] = "eip3009"
    if kind == "upto":
        extra["facilitatorAddress"] = _address(chance)
    extra |= {f"x{index}": _odd(chance) for index in range(chance.randrange(3))}
    amount = str(chance.choice([1, 10_000, 2**53 + 1, 2**256 - 1, chance.getrandbits(128) + 1]))
    fields: dict[str, Any] = {
        "scheme": "upto" if kind == "upto" else "exact",
        "asset": chance.choice([asset.address, asset.address.lower()]),
        "payTo": _address(chance),
        "maxTimeoutSeconds": chance.choice([300, 600, 86_400]),
        "extra": extra,
    }
    if kind != "v1":
        fields |= {"network": asset.network, "amount": amount}
        return _shuffled(chance, fields)
    fields |= {
        "network": chance.choice(_v1_names(asset)),
        "maxAmountRequired": amount,
        "resource": "https://api.example.com/",
        "description": _text(chance),
        "mimeType": "application/json",
    }
    return _shuffled(chance, fields)


def _v1_names(asset: Asset) -> list[str]:
    return [name for name in networks()[asset.network].v1_names if name not in NOT_IN_TYPESCRIPT]


def _shuffled(chance: random.Random, fields: dict[str, Any]) -> dict[str, Any]:
    return dict(chance.sample(list(fields.items()), len(fields)))


def _address(chance: random.Random) -> str:
    address = "0x" + chance.randbytes(20).hex()
    if chance.random() < 0.3:
        return address
    return checksum_address(address)


def _text(chance: random.Random) -> str:
    return chance.choice(_TEXTS)


def _odd(chance: random.Random, depth: int = 0) -> Any:
    """Return a JSON value that a seller may put beside the fields of the protocol."""
    if depth < 3 and chance.random() < 0.4:
        if chance.random() < 0.5:
            return [_odd(chance, depth + 1) for _ in range(chance.randrange(3))]
        keys = chance.sample(["a", "", "ключ", "payTo", "0"], chance.randrange(3))
        return {key: _odd(chance, depth + 1) for key in keys}
    return chance.choice([None, True, False, 0, -7, 2**53 - 1, 1.5, "", _text(chance)])
