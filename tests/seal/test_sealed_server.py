"""A real server under a seal: it pays under the sealed settings, and under no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from mcp_types import CallToolResult

from sandbox.run import BUYER_KEY, Sandbox
from server.sealed_policy import policy_of
from server.settings import load_settings
from tests.end_to_end.hosting import books, connected, error, receipt, settle_in, structured, text
from wallet.keystore import Keystore

pytestmark = [pytest.mark.asyncio, pytest.mark.slow, pytest.mark.timeout(120)]

OPENS = {"PURSER_PASSPHRASE": "opens the keystore"}
TYPED = "sealed for the voyage"


@pytest.fixture
def home(tmp_path: Path, sandbox: Sandbox) -> Path:
    """Return a folder with sealed limits that holds the sandbox's buyer."""
    made = settle_in(tmp_path / "home", sandbox, key="keystore")
    Keystore(made, "keystore", environ=dict(OPENS)).import_key(BUYER_KEY)
    policy = policy_of(load_settings(made, {}))
    Keystore(made, "keystore", policy=policy, environ=dict(OPENS)).put_seal(TYPED, 1_800_000_000)
    return made


def assert_nothing_was_paid(result: CallToolResult, words: str) -> None:
    refusal = error(result)
    assert (refusal["code"], refusal["spent"], refusal["retryable"]) == (
        "policy_changed",
        "no",
        False,
    )
    assert "Only the user can undo the change or seal it" in refusal["hint"]
    assert words in text(result)
    assert "No money moved." in text(result)


async def test_a_sealed_server_pays_until_a_setting_is_changed(
    home: Path, sandbox: Sandbox
) -> None:
    url = f"{sandbox.seller_url}/article"
    async with connected(home, env=OPENS) as client:
        bought = await client.call_tool("paid_fetch", {"url": f"{url}?copy=1"})
        assert receipt(bought)["status"] == "settled"
    seen = len(sandbox.seen_payment_headers)
    config = home / "config.toml"
    with config.open("a", encoding="utf-8") as file:
        file.write("\n[fetch]\nrepeat_window_s = 1\n")
    async with connected(home, env=OPENS) as client:
        refused = await client.call_tool("paid_fetch", {"url": f"{url}?copy=2"})
        assert_nothing_was_paid(refused, "fetch.repeat_window_s")
        free = await client.call_tool("paid_fetch", {"url": f"{sandbox.seller_url}/free"})
        assert receipt(free)["status"] == "free"
        again = await client.call_tool("read_purchase", {"receipt_id": receipt(bought)["id"]})
        assert receipt(again)["status"] == "settled"
        assert structured(await client.call_tool("check_balance", {}))["address"]
        assert len(structured(await client.call_tool("list_receipts", {}))["receipts"]) == 2
    assert len(sandbox.seen_payment_headers) == seen


async def test_limits_loosened_by_variables_get_no_signature(home: Path, sandbox: Sandbox) -> None:
    url, seen = f"{sandbox.seller_url}/dear", len(sandbox.seen_payment_headers)
    loose = {
        f"PURSER_BUDGET__{name}": "500"
        for name in ("PER_PAYMENT", "PER_DAY", "PER_HOST_PER_DAY", "APPROVAL_ABOVE")
    }
    async with connected(home, env=OPENS | loose) as client:
        result = await client.call_tool("paid_fetch", {"url": url})
        assert_nothing_was_paid(result, "budget.per_payment")
    assert len(sandbox.seen_payment_headers) == seen
    assert books(home) == []
