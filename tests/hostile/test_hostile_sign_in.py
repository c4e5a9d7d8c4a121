"""Signing in where a page was paid for: never elsewhere, never prose, and never when turned off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.hostile.members import AGAIN
from sandbox.hostile.seller import HostileSeller
from sandbox.hostile.wording import CANARY, GOODS
from sandbox.run import BUYER, Sandbox
from tests.desk import Desk, open_desk
from wallet.model import State

pytestmark = pytest.mark.asyncio

ON: dict[str, Any] = {"sign_in": True, "repeat_window_s": 0}


async def buy(desk: Desk, hostile: HostileSeller, path: str, **how: Any) -> bytes:
    return (await desk.buy(hostile.urls["seller"] + path, **how)).body


async def states(desk: Desk) -> list[State]:
    return [one.state for one in await desk.purchases()]


async def test_a_page_that_was_paid_for_opens_to_a_signature_and_costs_nothing(
    tmp_path: Path, sandbox: Sandbox, hostile: HostileSeller
) -> None:
    url = hostile.urls["seller"]
    async with open_desk(tmp_path, sandbox, urls=(url,), rules=ON, proof_wait_s=1) as desk:
        already = len(hostile.sign_ins)
        assert await buy(desk, hostile, "/members/page") == GOODS
        assert hostile.sign_ins[already:] == []
        assert await buy(desk, hostile, "/members/page") == AGAIN
        assert await buy(desk, hostile, "/members/other") == AGAIN
        assert desk.signatures == 1
        assert await states(desk) == [State.FREE, State.FREE, State.SETTLED]
        (proof, _) = hostile.sign_ins[already:]
        assert proof["address"] == BUYER
        assert set(proof) == {
            *("domain", "uri", "version", "chainId", "type", "nonce", "issuedAt"),
            *("expirationTime", "address", "signature"),
        }
        assert CANARY not in repr(proof)
        assert await buy(desk, hostile, "/members/page", pay_again=True) == GOODS
        assert desk.signatures == 2
        assert await desk.check() == []


@pytest.mark.parametrize(
    ("path", "signs"),
    [("/members/refuses", True), ("/members/phishing", False), ("/members/injecting", False)],
)
async def test_a_page_that_does_not_open_is_paid_as_usual(
    tmp_path: Path, sandbox: Sandbox, hostile: HostileSeller, path: str, signs: bool
) -> None:
    url = hostile.urls["seller"]
    async with open_desk(tmp_path, sandbox, urls=(url,), rules=ON, proof_wait_s=1) as desk:
        await buy(desk, hostile, "/members/page")
        already = len(hostile.sign_ins)
        assert await buy(desk, hostile, path) == GOODS
        assert len(hostile.sign_ins) - already == int(signs)
        assert desk.signatures == 2


async def test_nothing_is_signed_in_with_unless_the_user_turned_it_on(
    tmp_path: Path, sandbox: Sandbox, hostile: HostileSeller
) -> None:
    url, off = hostile.urls["seller"], {"repeat_window_s": 0}
    async with open_desk(tmp_path, sandbox, urls=(url,), rules=off, proof_wait_s=1) as desk:
        already = len(hostile.sign_ins)
        assert await buy(desk, hostile, "/members/page") == GOODS
        assert await buy(desk, hostile, "/members/page") == GOODS
        assert hostile.sign_ins[already:] == []


async def test_another_origin_of_a_paid_host_gets_no_signature(
    tmp_path: Path, sandbox: Sandbox, hostile: HostileSeller
) -> None:
    seller, elsewhere = hostile.urls["seller"], hostile.urls["elsewhere"]
    async with open_desk(
        tmp_path, sandbox, urls=(seller, elsewhere), rules=ON, proof_wait_s=1
    ) as desk:
        await buy(desk, hostile, "/members/page")
        already = len(hostile.sign_ins)
        assert (await desk.buy(elsewhere + "/members/page")).body == GOODS
        assert hostile.sign_ins[already:] == []
