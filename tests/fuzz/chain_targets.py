"""What a lying RPC server, or a made-up cursor, may do: nothing but a typed refusal or a fact."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any, cast

from rails_targets import TERMS, check_refusal, check_words

from tools.context import Toolbox
from tools.list_receipts import list_receipts
from wallet.assets import find_asset
from wallet.chain import Chain, ChainUnreadableError
from wallet.chain_answers import AUTHORIZATION_USED_TOPIC, TRANSFER_TOPIC
from wallet.errors import ErrorKind, PurserError
from wallet.ledger.base import PurchaseFilter
from wallet.model import Method, Transfer
from wallet.money import UINT256_MAX
from wallet.rails.codec import as_array, as_object

TX_HASH = "0x" + "c0" * 32
CHAIN_ID = {"jsonrpc": "2.0", "id": 1, "result": hex(8453)}


def rpc(data: bytes) -> None:
    """Whatever two RPC servers answer, a fact is what an answer says, and the rest is no answer.

    The bytes are a JSON list of whole JSON-RPC answers, given out in turn behind the chain id.
    """
    try:
        script = json.loads(data)
    except (ValueError, RecursionError):
        script = [data.decode("latin-1")]
    answers: list[Any] = cast("list[Any]", script) if isinstance(script, list) else [script]
    asset = find_asset(TERMS.network_id, TERMS.asset)
    assert asset is not None
    balance = asked(answers, lambda chain: chain.balance(asset, TERMS.payer))
    assert balance is None or 0 <= balance <= UINT256_MAX
    code = asked(answers, lambda chain: chain.has_code(TERMS.network_id, TERMS.payer))
    assert code in (None, True, False)
    views = asked(answers, lambda chain: chain.authorization_views(TERMS))
    for view in views or ():
        assert view.used in (True, False)
        assert view.block_time >= 0
        assert _some(answers, partial(_is_of_time, view.block_time))
    assert views is None or len(views) == 2
    proof = asked(answers, lambda chain: chain.transfer_proof(TERMS, TX_HASH))
    if proof is not None and proof.proven:
        assert proof.found
        assert _some(answers, _proves)
    found = asked(answers, lambda chain: chain.settlement_hash(TERMS))
    assert found is None or (len(found) == 66 and int(found, 16) >= 0)
    for terms in (
        replace(TERMS, method=Method.PERMIT2),
        replace(TERMS, method=Method.UPTO, facilitator=TERMS.pay_to),
    ):
        _permit2(answers, terms)


def _permit2(answers: Sequence[Any], terms: Transfer) -> None:
    proof = asked(answers, lambda chain: chain.transfer_proof(terms, TX_HASH))
    if proof is not None and proof.taken_atomic is not None:
        assert proof.proven
        assert 0 < proof.taken_atomic <= terms.amount_atomic
    views = asked(answers, lambda chain: chain.authorization_views(terms))
    assert views is None or len(views) == 2
    found = asked(answers, lambda chain: chain.settlement_hash(terms))
    assert found is None or (len(found) == 66 and int(found, 16) >= 0)


def _number(value: object) -> int | None:
    """Read 0x hex; None for anything else, whatever else the answer holds."""
    if not isinstance(value, str) or value[:2].lower() != "0x":
        return None
    try:
        return int(value, 16)
    except ValueError:
        return None


def _is_of_time(block_time: int, block: dict[str, Any]) -> bool:
    return _number(block.get("timestamp")) == block_time


def _proves(receipt: dict[str, Any]) -> bool:
    """Read a receipt as EIP-20 and EIP-3009 define its logs, independently of the product."""
    payer, payee = (_number(one) for one in (TERMS.payer, TERMS.pay_to))
    moved, used = False, False
    for log in map(as_object, as_array(receipt.get("logs")) or ()):
        if log is None or _number(log.get("address")) != _number(TERMS.asset):
            continue
        topics = [_number(topic) for topic in as_array(log.get("topics")) or ()]
        if topics == [_number(TRANSFER_TOPIC), payer, payee]:
            moved |= _number(log.get("data")) == TERMS.amount_atomic
        used |= topics == [_number(AUTHORIZATION_USED_TOPIC), payer, _number(TERMS.nonce)]
    return moved and used and _number(receipt.get("status")) == 1


def _some(answers: Sequence[Any], holds: Callable[[dict[str, Any]], bool]) -> bool:
    results = [as_object(one["result"]) for one in answers if "result" in (as_object(one) or {})]
    return any(one is not None and holds(one) for one in results)


class Scripted:
    """A connection whose server reads from a script."""

    def __init__(self, answers: Sequence[Any]) -> None:
        self._script = iter([CHAIN_ID, *answers])

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def request(self, method: str, params: list[object]) -> object:
        return next(self._script, None)


def asked(answers: Sequence[Any], ask: Callable[[Chain], Awaitable[Any]]) -> Any:
    """Ask a chain whose two servers read from the script; None where it cannot be read."""
    chain = Chain({TERMS.network_id: ("https://a.example/k3y", "https://b.example/k3y")})
    for server in vars(chain)["_servers"][TERMS.network_id]:
        server._connection = Scripted(answers)
    try:
        return _loop().run_until_complete(cast("Any", ask(chain)))
    except ChainUnreadableError as error:
        check_words(str(error), 300)
        _check_hidden(str(error))
        return None


def _check_hidden(text: str) -> None:
    assert "k3y" not in text, "the path of an RPC URL is shown"


def paging(data: bytes) -> None:
    """A cursor or a date that was made up is an invalid argument, or asks for one bounded page."""
    first, _, second = data.decode("utf-8", "replace").partition("\n")
    asked: list[PurchaseFilter] = []

    class Ledger:
        def list_purchases(self, wanted: PurchaseFilter) -> list[object]:
            asked.append(wanted)
            return []

    class Records:
        async def call(self, function: Callable[[Any], Any]) -> Any:
            return function(Ledger())

    toolbox = Toolbox(*(cast("Any", Records()) for _ in range(6)))
    page = list_receipts(toolbox, since=first[:40] or None, cursor=second[:200] or None, limit=7)
    try:
        _loop().run_until_complete(page)
    except PurserError as error:
        check_refusal(error, ErrorKind.INVALID_ARGUMENT)
        return
    (wanted,) = asked
    assert wanted.limit == 8
    assert wanted.since is None or 0 <= wanted.since < 2**40
    assert wanted.before_id is None or wanted.before_id.isascii()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()
