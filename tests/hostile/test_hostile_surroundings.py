"""A purchase and its proof go straight to the seller and to the chain, whatever is in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.run import Sandbox
from tests.desk import open_desk
from tests.web.loopback import always, serve
from wallet.model import Evidence

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SOCKS_PROXY", "WS_PROXY", "WSS_PROXY")


@pytest.mark.asyncio
async def test_a_purchase_and_its_proof_use_no_proxy_of_the_environment(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    async with serve(always(body=b"by proxy")) as proxy:
        for name in PROXIES:
            monkeypatch.setenv(name, f"http://{proxy.authority}")
            monkeypatch.setenv(name.lower(), f"http://{proxy.authority}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        async with open_desk(tmp_path, sandbox) as desk:
            bought = await desk.buy(sandbox.seller_url + "/article?proxies")
        assert bought.purchase.evidence is Evidence.VERIFIED
        assert proxy.connections == 0
