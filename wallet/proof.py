"""Ask the chain what became of an authorization; the only source of `verified` and of a release."""

from __future__ import annotations

import anyio

from wallet.chain import Chain, ChainUnreadableError
from wallet.model import Transfer
from wallet.outcome import ChainView

POLL_S = 0.25


async def look(chain: Chain, transfer: Transfer, tx_hash: str | None) -> ChainView:
    """Return what the chain shows of the transfer now, trying the named tx hash first."""
    try:
        found = False
        if tx_hash is not None:
            proof = await chain.transfer_proof(transfer, tx_hash)
            if proof.proven:
                return ChainView.PROVEN
            found = proof.found
        if await chain.authorization_used(transfer):
            return ChainView.USED
    except ChainUnreadableError:
        return ChainView.UNREADABLE
    return ChainView.OTHER_TRANSFER if found else ChainView.UNUSED


async def await_proof(
    chain: Chain, transfer: Transfer, tx_hash: str | None, wait_s: float, *, once: bool = False
) -> ChainView:
    """Look until the chain shows the transfer, at most `wait_s` seconds; return the last view.

    An RPC that lags behind the seller's facilitator by a block or two is the usual case. With
    `once` a first readable view is enough: the seller does not even claim a settlement.
    """
    view = ChainView.UNREADABLE
    with anyio.move_on_after(wait_s):
        while True:
            view = await look(chain, transfer, tx_hash)
            if once or view is not ChainView.UNUSED:
                break
            await anyio.sleep(POLL_S)
    return view


async def is_dead(chain: Chain, transfer: Transfer, margin_s: int, now_s: int) -> bool:
    """Tell whether the authorization can never settle any more.

    True only when, for every RPC server that answers (two at least, where two are set), one and
    the same block is past `validBefore` by `margin_s` and shows the nonce unused (EIP-3009: a
    transfer at or after `validBefore` is refused). The local clock proves nothing, but while it
    too is short of that time, a server that says otherwise is not believed.

    Raises:
        ChainUnreadableError: too few servers gave an answer that can be believed.
    """
    safe_from = transfer.valid_before + margin_s
    if now_s <= safe_from:
        return False
    views = await chain.authorization_views(transfer)
    return all(not view.used and view.block_time > safe_from for view in views)
