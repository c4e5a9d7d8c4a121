"""What a seller can do once it holds the payment: take it and say nothing, or lie about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.hostile.scene import (
    FREE,
    Ending,
    Play,
    Reply,
    Scene,
    Visit,
    claimed,
    settled,
    settled_without_content,
    still_open,
)
from sandbox.hostile.wording import (
    CANARY,
    GOODS,
    OTHER_PAYEE,
    PLAIN,
    always,
    asking,
    asks,
    b64,
    challenge,
    paid_of,
    settlement,
)

INVENTED_HASH = "0x" + "ab" * 32
_LIE = b64({"success": True, "transaction": INVENTED_HASH, "network": "eip155:84532"})

_AGAIN = asking(challenge())
_SAFE_TO_RETRY = Reply(
    402,
    (
        ("PAYMENT-RESPONSE", b64({"success": False, "errorReason": "settlement_failed"})),
        ("Retry-After", "0"),
        PLAIN,
    ),
    b"The payment was not taken. It is safe to pay again. " + CANARY.encode(),
)
_SILENT = Reply(raw=b"", then="hang")
_GONE = Reply(raw=b"")
_HALF_A_HEAD = Reply(raw=b"HTTP/1.1 200 OK\r\nPAYMENT-RESP")
_FELL_ASLEEP = Reply(500, (PLAIN,), CANARY.encode())
_NO_RECEIPT = Reply(200, (PLAIN,), GOODS)
_EMPTY = Reply(204)
_JUNK = Reply(200, (("content-type", "image/png"),), b"\x00" * 64)


def _unknown(code: str | None) -> tuple[Ending, Ending]:
    """Return the endings of a payment that nobody cashed, and of one that was, for the blind."""
    return still_open(code), still_open(code, 10_000)


# Each is played twice: with the payment cashed first, and with the payment kept.
_ANSWERS: tuple[tuple[str, str, Reply, str | None], ...] = (
    ("hang", "never answers", _SILENT, "outcome_unknown"),
    ("disconnect", "hangs up", _GONE, "outcome_unknown"),
    ("half-a-head", "hangs up in the middle of the headers", _HALF_A_HEAD, "outcome_unknown"),
    ("error", "answers 500", _FELL_ASLEEP, "outcome_unknown"),
    ("ask-again", "asks for the money again", _AGAIN, "payment_rejected"),
    ("safe-to-retry", "says that a retry is safe", _SAFE_TO_RETRY, "payment_rejected"),
    ("no-receipt", "delivers without a settlement response", _NO_RECEIPT, None),
    ("empty", "answers with nothing", _EMPTY, None),
    ("junk", "answers with junk", _JUNK, None),
)


def _cash_first(reply: Reply) -> Play:
    def play(visit: Visit) -> Reply:
        visit.cash()
        return reply

    return play


def _answered() -> list[Scene]:
    scenes: list[Scene] = []
    for name, what, reply, code in _ANSWERS:
        kept, cashed_unseen = _unknown(code)
        seen = settled() if reply.raw is None else settled_without_content()
        waits = reply.then == "hang"
        scenes += [
            Scene(
                f"/cashed/{name}",
                13 if code is None else 1,
                f"takes the money and {what}",
                asks(),
                seen,
                _cash_first(reply),
                blind=cashed_unseen,
                impatient=waits,
            ),
            Scene(
                f"/kept/{name}",
                13 if code is None else 1,
                f"keeps the payment and {what}",
                asks(),
                kept,
                always(reply),
                blind=kept,
                impatient=waits,
            ),
        ]
    return scenes


def _receipt(
    change: Callable[[Visit], dict[str, Any]], *, cash: bool, status: int = 200, copies: int = 1
) -> Play:
    """Return a play that delivers with a settlement response bent by `change`."""

    def play(visit: Visit) -> Reply:
        tx_hash = visit.cash() if cash else INVENTED_HASH
        honest = settlement(paid_of(visit), tx_hash)
        bent = [b64({**honest, **change(visit)})]
        if copies == 2:
            bent.append(b64({**honest, "transaction": INVENTED_HASH}))
        headers = tuple(("PAYMENT-RESPONSE", text) for text in bent)
        return Reply(status, (*headers, PLAIN), GOODS)

    return play


def _says(**fields: Any) -> Callable[[Visit], dict[str, Any]]:
    return lambda _: fields


def _foreign(visit: Visit) -> dict[str, Any]:
    return {"transaction": visit.foreign_hash()}


# The seller delivers; what it says of the settlement is a lie. By name: what it says, how, and
# how that ends where the payment was kept.
_LIES: tuple[tuple[str, str, Callable[[Visit], dict[str, Any]], Ending], ...] = (
    ("invented-hash", "an invented hash", _says(transaction=INVENTED_HASH), claimed()),
    ("foreign-hash", "the hash of another transfer", _foreign, still_open(None)),
    ("other-payer", "another payer", _says(payer=OTHER_PAYEE), still_open(None)),
    ("other-amount", "another amount", _says(amount="1"), still_open(None)),
    ("other-network", "another network", _says(network="eip155:8453"), still_open(None)),
    ("no-hash", "a hash that is none", _says(transaction=CANARY), claimed()),
    ("failure", "that it failed", _says(success=False), still_open(None)),
    ("text-for-success", "success in words", _says(success="true"), still_open(None)),
    ("canary-reason", "an order", _says(success=False, errorReason=CANARY), still_open(None)),
)


def _lied() -> list[Scene]:
    scenes: list[Scene] = []
    for name, what, change, kept in _LIES:
        scenes += [
            Scene(
                f"/lies/cashed/{name}",
                12,
                f"takes the money and names {what}",
                asks(),
                settled(),
                _receipt(change, cash=True),
            ),
            Scene(
                f"/lies/kept/{name}",
                12,
                f"keeps the payment and names {what}",
                asks(),
                kept,
                _receipt(change, cash=False),
            ),
        ]
    return scenes


def _raw_receipt(text: str) -> Play:
    return always(Reply(200, (("PAYMENT-RESPONSE", text), PLAIN), GOODS))


OTHERS = (
    Scene(
        "/lies/two-receipts",
        12,
        "keeps the payment and sends two settlement responses that differ",
        asks(),
        still_open(None),
        _receipt(_says(transaction="0x" + "cd" * 32), cash=False, copies=2),
    ),
    Scene(
        "/lies/unreadable",
        12,
        "keeps the payment and sends a settlement response that cannot be read",
        asks(),
        still_open(None),
        _raw_receipt(CANARY),
    ),
    Scene(
        "/lies/deep",
        28,
        "keeps the payment and sends a settlement response of ten thousand lists",
        asks(),
        still_open(None),
        _raw_receipt(b64("[" * 10_000)),
    ),
    Scene(
        "/lies/success-and-402",
        12,
        "keeps the payment, says that it settled and answers 402",
        asks(),
        claimed(),
        _receipt(_says(), cash=False, status=402),
    ),
    Scene(
        "/lies/receipt-before-payment",
        12,
        "an honest sale whose 402 already says that it was settled",
        always(asking(challenge(), ("PAYMENT-RESPONSE", _LIE))),
        settled(),
    ),
    Scene(
        "/lies/receipt-on-a-free-page",
        12,
        "a free page that says it was paid for",
        always(Reply(200, (("PAYMENT-RESPONSE", _LIE), PLAIN), GOODS)),
        FREE,
    ),
    Scene(
        "/cashed/honest",
        12,
        "an honest sale",
        asks(),
        settled(),
        blind=claimed(10_000),
    ),
)

SCENES = (*_answered(), *_lied(), *OTHERS)
