"""Run one vector through the real payer: router, policy, freezing, ledger, signer and headers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.desk import RULES, OpenKey
from wallet.assets import Asset
from wallet.chain import Chain
from wallet.channels.rules import ChannelRules
from wallet.errors import PurserError
from wallet.exchange import TransportFailedError, WebRequest, WebResponse
from wallet.ids import payment_identifier
from wallet.ledger.base import Ledger
from wallet.ledger.sqlite import SqliteLedger
from wallet.ledger.worker import LedgerWorker
from wallet.limits import Rules
from wallet.model import Transfer
from wallet.money import Usd
from wallet.parts import Parts
from wallet.payer import Payer
from wallet.purchases import PurchaseStore
from wallet.rails.mpp.rail import MppRail
from wallet.rails.x402.rail import X402Rail
from wallet.vault import Vault

RAILS = (X402Rail(), MppRail())
_MEMBERS = {"request", "response", "rules", "chain", "private_key", "now_s", "random"}
_RULES = {
    "networks",
    "schemes",
    "payment_flows",
    "per_payment",
    "per_day",
    "max_price_usd",
    "validity_s",
}
_BATCH = {"max_deposit", "deposit_pages", "max_withdraw_delay_s"}


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
    """A vault that keeps the id and the terms of each transfer that it was asked to sign."""

    def __init__(self, key: str) -> None:
        super().__init__(OpenKey(key))
        self.asked: list[tuple[str, Transfer]] = []

    def sign(self, ledger: Ledger, purchase_id: str, checked: Transfer) -> str:
        self.asked.append((purchase_id, checked))
        return super().sign(ledger, purchase_id, checked)


@dataclass(frozen=True)
class Played:
    """How one 402 ended: the offer that was to be paid, and the refusal if there was one."""

    offer: int | None
    refusal: PurserError | None
    vault: NotingVault
    sent: Mapping[str, str]


async def replay(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the wallet does with the `given` of format 1, in the form of its `expected`.

    Raises:
        ValueError: a member is missing, or not one of the format's.
    """
    played = await play(given)
    if played.refusal is not None and not played.sent:
        assert not played.vault.asked, "what is refused is not signed"
        return {"refusal": played.refusal.kind.value.code}
    return {"offer": played.offer, **_paid(played)}


async def play(given: Mapping[str, Any]) -> Played:
    """Ask for the price of a 402, and then pay it, as far as this wallet does.

    Raises:
        ValueError: a member is missing, or not one of the format's.
    """
    only(given, _MEMBERS)
    random, now_s = bytes.fromhex(given["random"][2:]), int(given["now_s"])
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        vault = NotingVault(given["private_key"])
        ledger = LedgerWorker(lambda: SqliteLedger(home / "ledger.sqlite3"))
        parts = parts_of(
            given,
            home,
            keys=vault,
            ledger=ledger,
            clock=lambda: now_s * 1000,
            entropy=lambda count: random[:count],
        )
        request, response = read_request(given["request"]), read_response(given["response"])
        conversation = Conversation(request, response)
        limit = given["rules"]["max_price_usd"]
        max_price = None if limit is None else Usd.parse(limit)
        offer, refusal = None, None
        try:
            offer = (await Payer(parts).quote(conversation, max_price=max_price)).chosen
            await Payer(parts).fetch(conversation, max_price=max_price, pay_again=False)
        except PurserError as error:
            refusal = error
        finally:
            await ledger.aclose()
        return Played(offer, refusal, vault, conversation.sent)


def _paid(played: Played) -> dict[str, Any]:
    ((purchase_id, transfer),) = played.vault.asked
    ((name, value),) = played.sent.items()
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


def parts_of(
    given: Mapping[str, Any],
    home: Path,
    *,
    keys: Vault,
    ledger: LedgerWorker,
    clock: Callable[[], int],
    entropy: Callable[[int], bytes],
) -> Parts:
    """Return a wallet in `home` that knows the rules and the chain of a vector's `given`."""
    return Parts(
        ledger=ledger,
        store=PurchaseStore(home / "purchases"),
        keys=keys,
        chain=KnownChain(given["chain"]),
        rails=RAILS,
        rules=_rules(given["rules"]),
        principal="vectors",
        clock=clock,
        entropy=entropy,
        room_bytes=1,
        proof_wait_s=0,
    )


def only(
    said: Mapping[str, Any], members: set[str], optional: set[str] | frozenset[str] = frozenset()
) -> None:
    """Refuse an object that does not have exactly these members.

    Raises:
        ValueError: it has others, or lacks one.
    """
    if not members <= set(said) <= members | optional:
        raise ValueError(f"expected exactly {sorted(members)}, and found {sorted(said)}")


def _rules(said: Mapping[str, Any]) -> Rules:
    only(said, _RULES, {"batch"})
    limits = {name: Usd.parse(said[name]) for name in ("per_payment", "per_day")}
    lists = {name: tuple(said[name]) for name in ("networks", "schemes", "payment_flows")}
    rules = replace(
        RULES,
        **limits,
        **lists,
        per_host_per_day=limits["per_day"],
        approval_above=limits["per_day"],
        validity_s=int(said["validity_s"]),
    )
    if "batch" not in said:
        return rules
    batch = said["batch"]
    only(batch, _BATCH)
    channels = ChannelRules(
        Usd.parse(batch["max_deposit"]), batch["deposit_pages"], batch["max_withdraw_delay_s"]
    )
    return replace(rules, channels=channels)


def read_request(said: Mapping[str, Any]) -> WebRequest:
    """Read a request as vectors hold it."""
    only(said, {"method", "url", "headers", "body"})
    headers = tuple((name, value) for name, value in said["headers"])
    return WebRequest(said["method"], said["url"], headers, said["body"].encode())


def read_response(said: Mapping[str, Any]) -> WebResponse:
    """Read a seller's answer as vectors hold it."""
    only(said, {"url", "status", "headers", "body"})
    headers = tuple((name, value) for name, value in said["headers"])
    return WebResponse(said["url"], said["status"], headers, said["body"].encode())
