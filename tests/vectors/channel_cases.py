"""The cases of `batch-settlement`: a deposit, vouchers, corrections, a refund, and cheats.

Channel id and vouchers that a seller shows are made with the official package here.
"""

from __future__ import annotations

import base64
import json
from typing import Any, cast

from eth_account import Account
from vector_given import (
    KEY,
    NOW_S,
    PAYEE,
    RULES,
    USDC,
    Answer,
    Case,
    answer,
    asked_for,
    offer,
    one_402,
    v2_header,
)
from x402.mechanisms.evm.batch_settlement.constants import (  # pyright: ignore
    VOUCHER_TYPES,
)
from x402.mechanisms.evm.batch_settlement.types import (  # pyright: ignore[reportMissingTypeStubs]
    ChannelConfig,
)
from x402.mechanisms.evm.batch_settlement.utils import (  # pyright: ignore[reportMissingTypeStubs]
    compute_channel_id,
    get_batch_settlement_eip712_domain,
)

ORIGIN = "https://api.example.com"
NETWORK = "eip155:8453"
AUTHORIZER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
CHANNEL_SALT = "0x" + bytes(range(32)).hex()
DEPOSIT_SALT = "0x" + bytes(range(32, 64)).hex()
OTHER_KEY = "0x" + "5d" * 32  # published as well
DEPOSIT = 1_000_000
PRICE = 10_000
BATCH: dict[str, Any] = {
    **RULES,
    "schemes": ["exact", "batch-settlement"],
    "batch": {"max_deposit": "2.00", "deposit_pages": 100, "max_withdraw_delay_s": 86_400},
}
MISMATCH = "invalid_batch_settlement_evm_cumulative_amount_mismatch"
TX = "0x" + "cd" * 32

_account = cast("Any", Account)
PAYER = str(_account.from_key(KEY).address)
CHANNEL = compute_channel_id(
    ChannelConfig(PAYER, PAYER, PAYEE, AUTHORIZER, USDC, 900, CHANNEL_SALT), NETWORK
)


def channel_offer(amount: int = PRICE, **extra: Any) -> dict[str, Any]:
    """Return an offer of a page for $0.01 through a channel, with changes in `extra`."""
    members = {
        "receiverAuthorizer": AUTHORIZER,
        "withdrawDelay": 900,
        "name": "USD Coin",
        "version": "2",
        **extra,
    }
    return offer(scheme="batch-settlement", amount=str(amount), extra=members)


def asks(page: str, *offers: dict[str, Any], error: str = "Payment required") -> Answer:
    """Return the 402 of a page, by default with one channel offer."""
    url = ORIGIN + page
    return answer([v2_header(*(offers or (channel_offer(),)), url=url, error=error)], "{}", url=url)


def sells(page: str, total: int, charged: int = PRICE, **state: Any) -> Answer:
    """Return a page with what it cost, and all that its seller has charged so far."""
    members = {
        "channelId": CHANNEL,
        "balance": str(DEPOSIT),
        "totalClaimed": "0",
        "withdrawRequestedAt": 0,
        "refundNonce": "0",
        "chargedCumulativeAmount": str(total),
        **state,
    }
    return _settled(page, {"chargedAmount": str(charged), "channelState": members})


def refunds(page: str, total: int) -> Answer:
    """Return the answer of a seller that sent back what it did not charge."""
    state = {"channelId": CHANNEL, "balance": str(total), "chargedCumulativeAmount": str(total)}
    return _settled(page, {"channelState": state}, TX)


def corrects(page: str, charged: int, signed: int, key: str = KEY) -> Answer:
    """Return a 402 that says what was charged, with a voucher over `signed` by a key."""
    domain = get_batch_settlement_eip712_domain(8453)
    message = {"channelId": bytes.fromhex(CHANNEL[2:]), "maxClaimableAmount": signed}
    signature = _account.sign_typed_data(key, domain, VOUCHER_TYPES, message).signature
    state = {
        "channelId": CHANNEL,
        "balance": str(DEPOSIT),
        "totalClaimed": "0",
        "chargedCumulativeAmount": str(charged),
    }
    voucher = {"signedMaxClaimable": str(signed), "signature": "0x" + signature.hex()}
    return asks(page, channel_offer(channelState=state, voucherState=voucher), error=MISMATCH)


def _settled(page: str, extra: dict[str, Any], tx_hash: str = "") -> Answer:
    fields = {
        "success": True,
        "transaction": tx_hash,
        "network": NETWORK,
        "payer": PAYER,
        "extra": extra,
    }
    header = base64.b64encode(json.dumps(fields).encode()).decode()
    headers = [("Content-Type", "text/plain"), ("PAYMENT-RESPONSE", header)]
    return answer(headers, f"this is {page}", 200, ORIGIN + page)


def _call(page: str, *answers: Answer | None, do: str = "fetch", after_s: int = 0) -> Any:
    return {
        "do": do,
        "now_s": NOW_S + after_s,
        "pay_again": False,
        "request": asked_for(ORIGIN + page),
        "answers": list(answers),
    }


def _conversation(about: str, *calls: dict[str, Any]) -> Case:
    given = {
        "rules": BATCH,
        "chain": {},
        "private_key": KEY,
        "channel_salt": CHANNEL_SALT,
        "deposit_salt": DEPOSIT_SALT,
        "calls": list(calls),
    }
    return Case(about, given, format=2)


def _refused(about: str, page_offer: dict[str, Any], rules: dict[str, Any] = BATCH) -> Case:
    return one_402(about, answer([v2_header(page_offer)], "{}"), rules)


_FIRST = _call("/pages/1", asks("/pages/1"), sells("/pages/1", PRICE))
_SECOND_LOST = _call("/pages/2", None)

_PAID: dict[str, Case] = {
    "batch-first-page": _conversation(
        "a deposit for a hundred pages, and a voucher for the first", _FIRST
    ),
    "batch-further-pages": _conversation(
        "a page in the same folder takes one request; elsewhere the seller is asked first",
        _FIRST,
        _call("/pages/2", sells("/pages/2", 2 * PRICE)),
        _call("/maps/1", asks("/maps/1", channel_offer(25_000)), sells("/maps/1", 45_000, 25_000)),
        _call("/pages/3", sells("/pages/3", 45_000 + PRICE), after_s=3599),
        _call("/pages/1"),
    ),
    "batch-charged-less": _conversation(
        "the next voucher covers what was charged and one more page, and no more",
        _call("/pages/1", asks("/pages/1"), sells("/pages/1", 7_000, 7_000)),
        _call("/pages/2", sells("/pages/2", 7_000 + PRICE)),
    ),
    "batch-price-raised": _conversation(
        "a voucher over the remembered price is turned down, and one over the new price covers it",
        _FIRST,
        _call(
            "/pages/2",
            asks("/pages/2", channel_offer(12_000)),
            corrects("/pages/2", PRICE, PRICE),
            sells("/pages/2", PRICE + 12_000, 12_000),
        ),
    ),
    "batch-smallest-deposit": _conversation(
        "the seller's own minimum is above a hundred pages, and within every limit",
        _call(
            "/pages/1",
            asks("/pages/1", channel_offer(minDeposit="1234567")),
            sells("/pages/1", PRICE, balance="1234567"),
        ),
    ),
    "batch-lost-and-charged": _conversation(
        "an answer was lost; the seller shows our voucher over it, and the next page comes after",
        _FIRST,
        _SECOND_LOST,
        _call(
            "/pages/3",
            asks("/pages/3"),
            corrects("/pages/3", 2 * PRICE, 2 * PRICE),
            sells("/pages/3", 3 * PRICE),
        ),
    ),
    "batch-lost-and-not-charged": _conversation(
        "the lost page was never charged, so the next voucher takes its place",
        _FIRST,
        _SECOND_LOST,
        _call(
            "/pages/3",
            asks("/pages/3"),
            corrects("/pages/3", PRICE, PRICE),
            sells("/pages/3", 2 * PRICE),
        ),
    ),
    "batch-refund": _conversation(
        "the rest is asked back with a voucher that promises nothing new",
        _FIRST,
        _call("/pages/1", asks("/pages/1"), refunds("/pages/1", PRICE), do="refund"),
    ),
}

_AFTERWARDS = _call("/pages/4", asks("/pages/4"))
_CHEATS: dict[str, Case] = {
    "hostile-batch-forged-correction": _conversation(
        "the total after the lost page, over a signature that is not ours",
        _FIRST,
        _SECOND_LOST,
        _call("/pages/3", asks("/pages/3"), corrects("/pages/3", 2 * PRICE, 2 * PRICE, OTHER_KEY)),
        _AFTERWARDS,
    ),
    "hostile-batch-other-total": _conversation(
        "a voucher of ours, and a total that is neither before the lost page nor after it",
        _FIRST,
        _SECOND_LOST,
        _call("/pages/3", asks("/pages/3"), corrects("/pages/3", PRICE + 1, 2 * PRICE)),
        _AFTERWARDS,
    ),
    "hostile-batch-unsigned-total": _conversation(
        "a total above the voucher that is shown for it: no correction, and nothing more signed",
        _FIRST,
        _SECOND_LOST,
        _call("/pages/3", asks("/pages/3"), corrects("/pages/3", 2 * PRICE, PRICE)),
    ),
    "hostile-batch-overcharged": _conversation(
        "more is charged than was asked",
        _FIRST,
        _call("/pages/2", sells("/pages/2", 2 * PRICE + 1, PRICE + 1)),
        _AFTERWARDS,
    ),
    "hostile-batch-inflated-total": _conversation(
        "a total that is not the one before and this charge",
        _FIRST,
        _call("/pages/2", sells("/pages/2", 50 * PRICE)),
        _AFTERWARDS,
    ),
    "hostile-batch-other-channel": _conversation(
        "the answer names another channel",
        _FIRST,
        _call("/pages/2", sells("/pages/2", 2 * PRICE, channelId="0x" + "11" * 32)),
        _AFTERWARDS,
    ),
    "hostile-batch-deposit-lost": _conversation(
        "no answer to the deposit: while the chain does not show it, nothing more is signed",
        _call("/pages/1", asks("/pages/1"), None),
        _call("/pages/2", asks("/pages/2")),
    ),
    "hostile-batch-refund-refused": _conversation(
        "a seller that keeps the rest: the channel signs no further page",
        _FIRST,
        _call("/pages/1", asks("/pages/1"), asks("/pages/1"), do="refund"),
        _AFTERWARDS,
    ),
    "hostile-batch-not-enabled": _refused(
        "a scheme that the user did not name", channel_offer(), RULES
    ),
    "hostile-batch-delay": _refused(
        "a seller that could keep the rest for longer than the user allows",
        channel_offer(withdrawDelay=86_401),
    ),
    "hostile-batch-minimum": _refused(
        "a smallest deposit above the user's limit", channel_offer(minDeposit="2000001")
    ),
    "hostile-batch-no-authorizer": _refused(
        "nobody who could sign a refund", channel_offer(receiverAuthorizer="0x" + "00" * 20)
    ),
}

CASES: dict[str, Case] = {**_PAID, **_CHEATS}
