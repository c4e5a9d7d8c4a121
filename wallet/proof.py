"""Ask the chain what became of an authorization; the only source of `verified` and of a release."""

from __future__ import annotations

from contextlib import suppress

import anyio

from wallet.chain import Chain, ChainUnreadableError
from wallet.model import Transfer
from wallet.outcome import ChainView, Sighting

POLL_S = 0.25


async def look(chain: Chain, transfer: Transfer, tx_hash: str | None) -> Sighting:
    """Return what the chain shows of the transfer, trying the named tx hash first.

    A nonce that was spent under another hash, or under none that was named, is looked up in the
    logs, so that the receipt can say where the money went.
    """
    try:
        found = False
        if tx_hash is not None:
            proof = await chain.transfer_proof(transfer, tx_hash)
            if proof.proven:
                return await _proven(chain, transfer, tx_hash)
            found = proof.found
        if await chain.authorization_used(transfer):
            return await _find_settlement(chain, transfer)
    except ChainUnreadableError:
        return Sighting(ChainView.UNREADABLE)
    return Sighting(ChainView.OTHER_TRANSFER if found else ChainView.UNUSED)


async def _find_settlement(chain: Chain, transfer: Transfer) -> Sighting:
    tx_hash = await chain.settlement_hash(transfer)
    if tx_hash is not None:
        with suppress(ChainUnreadableError):
            if (await chain.transfer_proof(transfer, tx_hash)).proven:
                return await _proven(chain, transfer, tx_hash)
    return Sighting(ChainView.USED)


async def _proven(chain: Chain, transfer: Transfer, tx_hash: str) -> Sighting:
    """Return the sighting of a proven settlement, and of a ceiling what every server says of it."""
    charged: int | None = None
    if transfer.is_ceiling:
        with suppress(ChainUnreadableError):
            charged = await chain.agreed_charge(transfer, tx_hash)
    return Sighting(ChainView.PROVEN, tx_hash, charged)


async def await_proof(
    chain: Chain, transfer: Transfer, tx_hash: str | None, wait_s: float, *, once: bool = False
) -> Sighting:
    """Look until the chain shows the transfer, at most `wait_s` seconds; return the last sight.

    An RPC that lags behind the seller's facilitator by a block or two is the usual case. A ceiling
    is looked at until every server says how much of it was taken. With `once` a first readable view
    is enough: the seller does not even claim a settlement.
    """
    sighting = Sighting(ChainView.UNREADABLE)
    with anyio.move_on_after(wait_s):
        while True:
            sighting = await look(chain, transfer, tx_hash)
            if once or not _is_early(transfer, sighting):
                break
            await anyio.sleep(POLL_S)
    return sighting


def _is_early(transfer: Transfer, sighting: Sighting) -> bool:
    """Tell whether a later look may show more."""
    if transfer.is_ceiling and sighting.view is ChainView.PROVEN:
        return sighting.charged_atomic is None
    return sighting.view is ChainView.UNUSED


async def is_dead(chain: Chain, transfer: Transfer, margin_s: int, now_s: int) -> bool:
    """Tell whether the authorization can never settle any more.

    True only when, for every RPC server that answers (two at least, where two are set), one and
    the same block is past `validBefore` by `margin_s` and shows the nonce unused. EIP-3009 refuses
    a transfer at or after `validBefore`, Permit2 one after its deadline. The local clock proves
    nothing, but while it too is short of that time, a server that says otherwise is not believed.

    Raises:
        ChainUnreadableError: too few servers gave an answer that can be believed.
    """
    safe_from = transfer.valid_before + margin_s
    if now_s <= safe_from:
        return False
    views = await chain.authorization_views(transfer)
    return all(not view.used and view.block_time > safe_from for view in views)
