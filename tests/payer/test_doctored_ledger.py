"""The ledger is a file that others may write: it never chooses what is signed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sandbox.run import Sandbox
from tests.desk import open_desk
from tests.meddler import meddler
from wallet.errors import ErrorKind, PurserError
from wallet.ledger.sqlite import SqliteLedger

pytestmark = pytest.mark.asyncio

THIEF = "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65"


@pytest.mark.parametrize(
    "change",
    [
        "amount_atomic = '900000000'",
        f"pay_to = '{THIEF}'",
        "valid_before = valid_before + 1000000",
        "nonce = '0x" + "ab" * 32 + "'",
    ],
)
async def test_a_ledger_that_rewrites_a_hold_gets_no_signature(
    tmp_path: Path, sandbox: Sandbox, change: str
):
    """A trigger in the file, left by whoever can write it, changes each hold as it is written."""
    path = tmp_path / "ledger.sqlite3"
    SqliteLedger(path).close()
    with closing(sqlite3.connect(path)) as doctored:
        doctored.executescript(
            "DROP TRIGGER purchases_keep_their_terms;"
            "CREATE TRIGGER rewritten AFTER INSERT ON purchases WHEN new.state = 'held'"
            f" BEGIN UPDATE purchases SET {change} WHERE id = new.id; END;"
        )
    async with meddler(sandbox.seller_url) as seller:
        async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
            with pytest.raises(PurserError) as ended:
                await desk.buy(seller.url + "/article")
            assert (ended.value.kind, ended.value.spent) == (ErrorKind.WALLET_LOCKED, "no")
            assert "not the one that was checked" in ended.value.detail
            assert seller.payments == []
            (purchase,) = await desk.purchases()
            assert purchase.state == "void"
