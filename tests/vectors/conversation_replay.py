"""Run a conversation of several calls through the real payer, answer by answer."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vector_replay import only, parts_of, read_request, read_response

from tests.desk import OpenKey
from wallet.channels.buying import Till
from wallet.channels.closing import ask_refund
from wallet.channels.model import Channel
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import TransportFailedError, WebRequest, WebResponse
from wallet.funds import Funds
from wallet.ledger.base import Ledger, PurchaseFilter
from wallet.ledger.sqlite import SqliteLedger
from wallet.ledger.worker import LedgerWorker
from wallet.model import Purchase, Transfer
from wallet.money import Usd
from wallet.parts import Parts
from wallet.payer import Payer
from wallet.rails.x402.batch.channel import Deposit, Voucher
from wallet.repeats import Repeats
from wallet.vault import Vault

_MEMBERS = {"rules", "chain", "private_key", "calls"}
_SALTS = {"channel_salt", "deposit_salt"}
_CALL = {"do", "now_s", "pay_again", "request", "answers"}


class ScriptedSeller:
    """A seller that gives a call's answers in order; null is a connection that breaks off."""

    def __init__(self, request: WebRequest, answers: list[Any]) -> None:
        self.request = request
        self.sent: list[dict[str, Any] | None] = []
        self._answers = list(answers)

    async def ask(self) -> WebResponse:
        self.sent.append(None)
        answer = self._next()
        if answer is None:
            raise PurserError(ErrorKind.UPSTREAM_ERROR, "The connection broke off.")
        return answer

    def start_over(self) -> None:
        pass

    def can_still_pay(self) -> bool:
        return True

    async def pay(self, payment_headers: Mapping[str, str]) -> WebResponse:
        ((name, value),) = payment_headers.items()
        self.sent.append({"header": {"name": name, "value": value}})
        answer = self._next()
        if answer is None:
            raise TransportFailedError("the connection broke off")
        return answer

    def end(self) -> None:
        """Raise ValueError where an answer was never asked for."""
        if self._answers:
            raise ValueError("the vector has more answers than were asked for")

    def _next(self) -> WebResponse | None:
        if not self._answers:
            raise ValueError("the vector has fewer answers than were asked for")
        answer = self._answers.pop(0)
        return None if answer is None else read_response(answer)


class CountingVault(Vault):
    """A vault that counts its signatures; one over the same terms again counts again."""

    def __init__(self, key: str) -> None:
        super().__init__(OpenKey(key))
        self.signatures = 0

    def sign(self, ledger: Ledger, purchase_id: str, checked: Transfer) -> str:
        self.signatures += 1
        return super().sign(ledger, purchase_id, checked)

    def sign_deposit(self, ledger: Ledger, checked: Deposit) -> str:
        self.signatures += 1
        return super().sign_deposit(ledger, checked)

    def sign_voucher(self, ledger: Ledger, purchase_id: str, checked: Voucher) -> str:
        self.signatures += 1
        return super().sign_voucher(ledger, purchase_id, checked)

    def sign_reached(self, ledger: Ledger, channel_id: str) -> tuple[Voucher, str]:
        self.signatures += 1
        return super().sign_reached(ledger, channel_id)


class Draws:
    """Random bytes of a vector: the second and third draw of 32 bytes are the two salts.

    The first is a nonce that no channel uses. All others count up, and none of them is sent.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        nonce = bytes(32).hex()
        salts = [given.get(name, "0x" + nonce)[2:] for name in ("channel_salt", "deposit_salt")]
        self._first = iter([bytes.fromhex(text) for text in (nonce, *salts)])
        self._drawn = 0

    def __call__(self, count: int) -> bytes:
        self._drawn += 1
        counted = self._drawn.to_bytes(count, "big")
        return next(self._first, counted) if count == 32 else counted


async def replay_conversation(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the wallet does with the `given` of format 2, in the form of its `expected`.

    Raises:
        ValueError: a member is missing or not one of the format's, or the wallet asks more or less
            often than there are answers.
    """
    only(given, _MEMBERS, _SALTS)
    now_s = 0
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        vault = CountingVault(given["private_key"])
        ledger = LedgerWorker(lambda: SqliteLedger(home / "ledger.sqlite3"))
        parts = parts_of(
            given,
            home,
            keys=vault,
            ledger=ledger,
            clock=lambda: now_s * 1000,
            entropy=Draws(given),
        )
        payer, calls = Payer(parts), list[dict[str, Any]]()
        limit = given["rules"]["max_price_usd"]
        max_price = None if limit is None else Usd.parse(limit)
        try:
            for call in given["calls"]:
                only(call, _CALL)
                now_s = int(call["now_s"])
                calls.append(await _call(parts, payer, call, max_price))
            books = await ledger.call(_books)
        finally:
            await ledger.aclose()
        return {"calls": calls, "signatures": vault.signatures, **books}


async def _call(
    parts: Parts, payer: Payer, call: Mapping[str, Any], max_price: Usd | None
) -> dict[str, Any]:
    seller = ScriptedSeller(read_request(call["request"]), call["answers"])
    try:
        outcome = await _DOES[call["do"]](parts, payer, seller, call["pay_again"], max_price)
    except PurserError as error:
        outcome = {"refusal": error.kind.value.code, "spent": error.spent}
    seller.end()
    return {"sent": seller.sent, "outcome": outcome}


async def _fetch(
    _: Parts, payer: Payer, seller: ScriptedSeller, pay_again: bool, max_price: Usd | None
) -> dict[str, Any]:
    bought = await payer.fetch(seller, max_price=max_price, pay_again=pay_again)
    return {
        "state": str(bought.purchase.state),
        "evidence": str(bought.purchase.evidence),
        "cost_usd": str(bought.purchase.cost_usd),
        "http_status": bought.http_status,
        "body": bought.body.decode(),
    }


async def _refund(
    parts: Parts, _: Payer, seller: ScriptedSeller, __: bool, ___: Usd | None
) -> dict[str, Any]:
    till = Till(parts, Funds(parts.chain), Repeats(parts).turn)
    (channel,) = await parts.ledger.call(lambda ledger: ledger.channels.listed(ended=False))
    channel = await ask_refund(parts, till, seller, channel)
    return {"state": str(channel.state)}


_DOES = {"fetch": _fetch, "refund": _refund}


def _books(ledger: Ledger) -> dict[str, Any]:
    problems = ledger.check()
    if problems:
        raise AssertionError(f"the books do not balance: {problems}")
    bought = reversed(ledger.list_purchases(PurchaseFilter(limit=200)))
    channels = ledger.channels.listed(ended=True)
    return {
        "purchases": [_purchase(one) for one in bought],
        "channels": [_channel(one) for one in channels],
    }


def _purchase(purchase: Purchase) -> dict[str, Any]:
    transfer, total = purchase.transfer, purchase.cumulative_atomic
    return {
        "url": purchase.url,
        "state": str(purchase.state),
        "cost_usd": None if purchase.cost_usd is None else str(purchase.cost_usd),
        "amount_atomic": None if transfer is None else str(transfer.amount_atomic),
        "voucher_atomic": None if total is None else str(total),
    }


def _channel(channel: Channel) -> dict[str, Any]:
    return {
        "id": channel.id,
        "state": str(channel.state),
        "deposit_atomic": str(channel.deposit.amount_atomic),
        "deposit_valid_before": channel.deposit.valid_before,
        "charged_atomic": str(channel.charged_atomic),
        "signed_max_atomic": str(channel.signed_max_atomic),
        "held_usd": str(channel.held_usd),
    }
