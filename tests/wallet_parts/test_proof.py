"""When an authorization counts as dead: for every server that answers, in one late block."""

from __future__ import annotations

import pytest

from wallet.chain import AuthorizationView, Chain
from wallet.model import Transfer
from wallet.proof import is_dead

VALID_BEFORE, MARGIN_S = 1_800_000_000, 30
LATE = VALID_BEFORE + MARGIN_S + 1
TRANSFER = Transfer(
    network_id="eip155:84532",
    asset="0x036CbD53842c5426634e7929541eC2318f3dCF7e",
    payer="0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    pay_to="0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
    amount_atomic=10_000,
    valid_after=0,
    valid_before=VALID_BEFORE,
    nonce="0x" + "ab" * 32,
)


class Views(Chain):
    """A chain whose servers answer with (used, block time)."""

    def __init__(self, *views: tuple[bool, int]) -> None:
        super().__init__({})
        self._views = [AuthorizationView(used, 7, time) for used, time in views]

    async def authorization_views(self, transfer: Transfer) -> list[AuthorizationView]:
        assert transfer is TRANSFER
        return self._views


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("views", "now_s", "dead"),
    [
        ([(False, LATE)], LATE, True),
        ([(False, LATE), (False, LATE + 9)], LATE, True),
        ([(False, LATE - 1)], LATE, False),
        ([(False, VALID_BEFORE + 1)], LATE, False),
        ([(False, LATE)], LATE - 1, False),
        ([(True, LATE)], LATE, False),
        ([(False, LATE), (True, LATE)], LATE, False),
        ([(True, LATE), (False, LATE)], LATE, False),
        ([(False, LATE), (False, LATE - 1)], LATE, False),
        ([(False, LATE - 1), (False, LATE)], LATE, False),
    ],
)
async def test_dead_is_unused_in_a_late_enough_block_of_every_server_and_by_the_local_clock(
    views: list[tuple[bool, int]], now_s: int, dead: bool
) -> None:
    assert await is_dead(Views(*views), TRANSFER, MARGIN_S, now_s) is dead
