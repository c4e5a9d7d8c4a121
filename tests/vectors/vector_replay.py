"""Run one vector through the real payer: router, policy, freezing, ledger, signer and headers."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.desk import RULES, OpenKey
from wallet.assets import Asset
from wallet.chain import Chain
from wallet.errors import PurserError
from wallet.exchange import TransportFailedError, WebRequest, WebResponse
from wallet.ids import payment_identifier
from wallet.ledger.sqlite import SqliteLedger
from wallet.ledger.worker import LedgerWorker
from wallet.limits import Rules
from wallet.money import Usd
from wallet.parts import Parts
from wallet.payer import Payer
from wallet.purchases import PurchaseStore
from wallet.rails.x402.rail import X402Rail
from wallet.vault import Vault

RAILS = (X402Rail(),)


@dataclass
class Conversation:
    """A seller that answers as the vector says, and takes the payment without a word."""

    request: WebRequest
    response: WebResponse
    sent: dict[str, str] = field(default_factory=dict[str, str])

    async def ask(self) -> WebResponse:
        return self.response

    def start_over(self) -> None:
        pass

    def can_still_pay(self) -> bool:
        return True

    async def pay(self, payment_headers: Mapping[str, str]) -> WebResponse:
        self.sent.update(payment_headers)
        raise TransportFailedError("the vector ends here")


class KnownChain(Chain):
    """A chain of which a vector says what Permit2 may take; nothing else can be read."""

    def __init__(self, facts: Mapping[str, str]) -> None:
        super().__init__({})
        self._facts = facts

    async def permit2_allowance(self, asset: Asset, owner: str) -> int:
        known = self._facts.get("permit2_allowance")
        return await super().permit2_allowance(asset, owner) if known is None else int(known)

    async def permit_nonce(self, asset: Asset, owner: str) -> int:
        known = self._facts.get("permit_nonce")
        return await super().permit_nonce(asset, owner) if known is None else int(known)


class NotingVault(Vault):
    """A vault that keeps the id and the terms of what it was asked to sign."""

    asked: Any = None

    def sign(self, ledger: Any, purchase_id: str, checked: Any) -> str:
        self.asked = purchase_id, checked
        return super().sign(ledger, purchase_id, checked)


async def replay(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the wallet does with a vector's `given`, in the form of its `expected`."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        vault = NotingVault(OpenKey(given["private_key"]))
        ledger = LedgerWorker(lambda: SqliteLedger(home / "ledger.sqlite3"))
        parts = _parts(given, home, vault, ledger)
        request, response = _request(given["request"]), _response(given["response"])
        conversation = Conversation(request, response)
        limit = given["rules"].get("max_price_usd")
        max_price = None if limit is None else Usd.parse(limit)
        offer = None
        try:
            offer = (await Payer(parts).quote(conversation, max_price=max_price)).chosen
            await Payer(parts).fetch(conversation, max_price=max_price, pay_again=False)
        except PurserError as error:
            if not conversation.sent:
                return {"refusal": error.kind.value.code}
        finally:
            await ledger.aclose()
        return {"offer": offer, **_paid(vault, conversation)}


def _paid(vault: NotingVault, conversation: Conversation) -> dict[str, Any]:
    purchase_id, transfer = vault.asked
    ((name, value),) = conversation.sent.items()
    return {
        "payment_id": payment_identifier(purchase_id),
        "method": str(transfer.method),
        "network": transfer.network_id,
        "asset": transfer.asset,
        "pay_to": transfer.pay_to,
        "amount_atomic": str(transfer.amount_atomic),
        "valid_before": transfer.valid_before,
        "header": {"name": name, "value": value},
    }


def _parts(given: Mapping[str, Any], home: Path, vault: Vault, ledger: LedgerWorker) -> Parts:
    random, now_s = bytes.fromhex(given["random"][2:]), int(given["now_s"])
    return Parts(
        ledger=ledger,
        store=PurchaseStore(home / "purchases"),
        keys=vault,
        chain=KnownChain(given.get("chain", {})),
        rails=RAILS,
        rules=_rules(given["rules"]),
        principal="vectors",
        clock=lambda: now_s * 1000,
        entropy=lambda count: random[:count],
        room_bytes=1,
        proof_wait_s=0,
    )


def _rules(said: Mapping[str, Any]) -> Rules:
    limits = {name: Usd.parse(said[name]) for name in ("per_payment", "per_day")}
    lists = {name: tuple(said[name]) for name in ("networks", "schemes", "payment_flows")}
    return replace(
        RULES,
        **limits,
        **lists,
        per_host_per_day=limits["per_day"],
        approval_above=limits["per_day"],
        validity_s=int(said["validity_s"]),
    )


def _request(said: Mapping[str, Any]) -> WebRequest:
    headers = tuple((name, value) for name, value in said["headers"])
    return WebRequest(said["method"], said["url"], headers, said["body"].encode())


def _response(said: Mapping[str, Any]) -> WebResponse:
    headers = tuple((name, value) for name, value in said["headers"])
    return WebResponse(said["url"], said["status"], headers, said["body"].encode())
