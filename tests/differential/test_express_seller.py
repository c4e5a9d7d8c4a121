"""The official TypeScript seller on express is paid by Purser, and the chain shows it."""

from __future__ import annotations

import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from facilitator_http import served_facilitator
from node_packages import NodeMissingError, placed

from sandbox.run import Sandbox
from tests.desk import open_desk
from wallet.model import Evidence, State

SELLER = Path(__file__).parent / "express_seller.mjs"

pytestmark = [pytest.mark.asyncio, pytest.mark.slow, pytest.mark.xdist_group("node")]


@contextmanager
def _express(folder: Path, sandbox: Sandbox) -> Generator[str]:
    try:
        script = placed(SELLER, folder)
    except NodeMissingError as error:
        pytest.skip(str(error))
    with served_facilitator(sandbox) as facilitator_url:
        command = ["node", str(script), facilitator_url, sandbox.seller_address]
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            try:
                url = process.stdout.readline().strip()
                assert url, process.stderr.read()
                yield url
            finally:
                process.stdin.close()
                process.wait(10)


async def test_the_express_seller_is_paid_once_for_each_call_and_the_chain_shows_it(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    with _express(tmp_path, sandbox) as url:
        home = tmp_path / "home"
        home.mkdir()
        async with open_desk(home, sandbox, urls=(url,)) as desk:
            before = sandbox.chain.balance_atomic(sandbox.seller_address)
            got = await desk.buy(url + "/report")
            plain = (("content-type", "text/plain"),)
            posted = await desk.buy(url + "/echo", method="POST", body=b"ahoy", headers=plain)
            again = await desk.buy(url + "/report")
            assert (got.body, posted.body) == (b'{"report":"all is well"}', b'{"heard":"ahoy"}')
            assert again.purchase.id == got.purchase.id
            for bought in (got, posted):
                assert bought.purchase.state is State.SETTLED
                assert bought.purchase.evidence is Evidence.VERIFIED
            assert sandbox.chain.balance_atomic(sandbox.seller_address) - before == 60_000
            assert desk.signatures == 2
            assert await desk.check() == []
