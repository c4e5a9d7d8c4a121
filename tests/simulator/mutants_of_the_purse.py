"""The purse with one rule broken on purpose, so that the simulator can be seen to notice."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from wallet import checkout, payer, presenting, reconcile
from wallet.assets import find_asset
from wallet.chain import AuthorizationView, Chain
from wallet.exchange import Exchange
from wallet.ids import purchase_key
from wallet.ledger import reserve, statements
from wallet.ledger.base import HoldRequest, Ledger
from wallet.model import Purchase, State, Transfer
from wallet.parts import Parts


class _Held:
    """What a signer would have checked, without the check."""

    def __init__(self, transfer: Transfer) -> None:
        self.transfer = transfer
        self.asset = find_asset(transfer.network_id, transfer.asset)


def _free_on_a_402(patches: ExitStack) -> None:
    """A 402 after the payment is taken for a refusal."""
    present = presenting.present

    async def forgetful(
        parts: Parts, exchange: Exchange, purchase: Purchase, *args: Any, **kwargs: Any
    ) -> Any:
        try:
            return await present(parts, exchange, purchase, *args, **kwargs)
        except presenting.PurserError as error:
            if error.kind is presenting.ErrorKind.PAYMENT_REJECTED:
                await parts.ledger.call(
                    lambda ledger: ledger.void(
                        purchase.id, allowed_from=(State.UNKNOWN,), note="refused"
                    )
                )
            raise

    patches.enter_context(patch.object(checkout, "present", forgetful))


def _sign_again(patches: ExitStack) -> None:
    """A call made again is a new purchase, whatever became of the first."""
    calls = iter(range(10**9))

    def forgetful(principal: str, request: Any) -> str:
        return purchase_key(f"{principal} {next(calls)}", request)

    patches.enter_context(patch.object(payer, "purchase_key", forgetful))


def _sign_before_the_hold(patches: ExitStack) -> None:
    commit = checkout._commit  # pyright: ignore[reportPrivateUsage]

    def hasty(parts: Parts, ledger: Ledger, order: Any, request: HoldRequest) -> Any:
        key: Any = parts.keys
        key._unlock().sign(_Held(request.transfer))
        return commit(parts, ledger, order, request)

    patches.enter_context(patch.object(checkout, "_commit", hasty))


def _check_then_write(patches: ExitStack) -> None:
    """The caps are looked at by policy, and no longer by the statement that writes."""
    unlimited = statements.RESERVE.replace("settled_usd_micros <= ?", "settled_usd_micros >= ? * 0")
    patches.enter_context(patch.object(reserve.sql, "RESERVE", unlimited))


def _free_by_the_local_clock(patches: ExitStack) -> None:
    async def hasty(chain: Chain, transfer: Transfer, margin_s: int, now_s: int) -> bool:
        return now_s > transfer.valid_before + margin_s

    patches.enter_context(patch.object(reconcile, "is_dead", hasty))


def _trust_one_server(patches: ExitStack) -> None:
    async def trusting(self: Chain, transfer: Transfer) -> list[AuthorizationView]:
        return [await self.authorization_view(transfer)]

    patches.enter_context(patch.object(Chain, "authorization_views", trusting))


def _do_nothing(*_: object) -> None:
    """Stand where something should be done."""


def _send_before_storing(patches: ExitStack) -> None:
    """The signed bytes leave before they are durable."""
    commit = checkout._commit  # pyright: ignore[reportPrivateUsage]

    def hasty(parts: Parts, ledger: Any, order: Any, request: HoldRequest) -> Any:
        with patch.object(type(ledger), "store_signed", _do_nothing):
            return commit(parts, ledger, order, request)

    patches.enter_context(patch.object(checkout, "_commit", hasty))


MUTANTS: Mapping[str, Callable[[ExitStack], None]] = {
    "a 402 after paying frees the hold": _free_on_a_402,
    "a repeated call is signed again": _sign_again,
    "the signature comes before the hold": _sign_before_the_hold,
    "caps are checked, then written": _check_then_write,
    "the local clock frees a hold": _free_by_the_local_clock,
    "one RPC server frees a hold": _trust_one_server,
    "bytes are sent before they are stored": _send_before_storing,
}


@contextmanager
def broken(name: str) -> Generator[None]:
    """Break one rule for a while."""
    with ExitStack() as patches:
        MUTANTS[name](patches)
        yield
