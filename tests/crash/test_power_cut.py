"""The power goes after any file call: what was stored is whole, and a committed hold stays.

Every state of the store is tried, and by default some hundred of the ledger. To try every one:
`PURSER_CRASH=all uv run pytest tests/crash/test_power_cut.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from sandbox.run import Sandbox
from tests.crash.buyer import BODIES, STORED_ID, Job
from tests.crash.crash_kit import ARTICLE, EVERYTHING, TRIED_JOURNALS, BuyerServer, calls_of
from tests.crash.faults import FAULTS, FileCall
from tests.crash.powercut import Cut, Disk, Survivors, lay_out, power_cuts
from wallet.ledger.base import PurchaseFilter
from wallet.ledger.sqlite import SqliteLedger
from wallet.purchases import PurchaseStore, Stored

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.xdist_group("crash"),
]

SEED = 20261121
FIRST, SECOND = BODIES

MAY_BE_LEFT = {
    "": {"nothing"},
    "holding": {"nothing", "held"},
    "held": {"held", "signed"},
    "stored": {"signed", "settled"},
    "recorded": {"settled"},
}
"""The states a power cut may leave after each step that changes the ledger."""


def call(op: str, path: str, number: int, *, data: bytes = b"", other: str = "") -> FileCall:
    return FileCall(number, op, len(data), len(data), 0, path, other, data)


def test_a_disk_keeps_what_was_synced_and_perhaps_the_rest() -> None:
    disk = Disk()
    for number, (op, path, data) in enumerate(
        [
            ("create", "kept", b""),
            ("write", "kept", b"synced"),
            ("sync", "kept", b""),
            ("write", "kept", b"lost"),
        ]
    ):
        disk.apply(call(op, path, number, data=data))
    assert disk.files(Survivors(frozenset())) == {}
    assert disk.files(Survivors(frozenset({0}))) == {"kept": b"synced"}
    assert disk.files(Survivors(frozenset({0, 3}))) == {"kept": b"losted"}
    assert disk.files(Survivors(frozenset({0, 3}), torn=3)) == {"kept": b"lonced"}
    disk.apply(call("rename", "kept", 4, other="renamed"))
    assert disk.files(Survivors(frozenset({0, 4}))) == {"renamed": b"synced"}


@pytest.mark.asyncio
async def test_a_stored_purchase_is_whole_or_absent_after_a_power_cut(
    tmp_path: Path, buyer: BuyerServer
):
    job = store_job(tmp_path / "recorded")
    assert (await buyer.run(job)).told == {"stored": 2}
    seen: set[bytes | None] = set()
    for cut in power_cuts(calls_of(job), SEED):
        stored = read_back(cut, tmp_path / "cut")
        seen.add(None if stored is None else stored.body)
        if "stored 2" in cut.passed:
            assert stored is not None, cut.number
            assert stored.body == SECOND, cut.number
        elif "stored 1" in cut.passed:
            assert stored is not None, cut.number
            assert stored.body in BODIES, cut.number
        else:
            assert stored is None or stored.body == FIRST, cut.number
    assert seen == {None, FIRST, SECOND}


@pytest.mark.asyncio
async def test_a_file_call_that_fails_or_is_the_last_leaves_the_store_whole(
    tmp_path: Path, buyer: BuyerServer
):
    clean = store_job(tmp_path / "clean")
    await buyer.run(clean)
    for number in [call.number for call in calls_of(clean) if call.op != "mark"]:
        for fault in FAULTS:
            job = store_job(tmp_path / f"{number}{fault}", number, fault)
            told = (await buyer.run(job)).told or {"stored": 0}
            passed = [call.path for call in calls_of(job) if call.op == "mark"]
            stored = PurchaseStore(Path(job.home) / "purchases").load(STORED_ID)
            where = (number, fault, told)
            if told["stored"] == 2:
                assert stored is not None, where
                assert stored.body == SECOND, where
            assert stored is None or stored.body in BODIES, where
            assert stored is not None or "stored 1" not in passed, where


@pytest.mark.asyncio
@pytest.mark.parametrize("journal", TRIED_JOURNALS)
async def test_a_power_cut_takes_no_hold_and_no_signature_from_the_ledger(
    tmp_path: Path, sandbox: Sandbox, buyer: BuyerServer, journal: str
):
    (tmp_path / "recorded").mkdir()
    job = Job(
        home=str(tmp_path / "recorded" / "home"),
        url=f"{sandbox.seller_url}/article?{tmp_path.name}",
        rpc_url=sandbox.rpc_url,
        log=str(tmp_path / "recorded.log"),
        journal=journal,
    )
    assert ((await buyer.run(job)).told or {})["status"] == "settled"
    seen: set[str] = set()
    for cut in power_cuts(calls_of(job), SEED, few=not EVERYTHING):
        found = found_in_ledger(cut, tmp_path / "cut")
        seen.add(found)
        assert found in may_be_left(cut.passed), cut.number
        if "kept" in cut.passed:
            purchases = PurchaseStore(tmp_path / "cut" / "home" / "purchases")
            assert [whole(purchases, name) for name in names(cut)] == [ARTICLE]
    assert seen == {"nothing", "held", "signed", "settled"}


def store_job(folder: Path, number: int = 0, fault: str = "-") -> Job:
    folder.mkdir()
    home, log = str(folder / "home"), str(folder / "log")
    return Job(home, "", "", log=log, call=number, fault=fault, only_store=True)


def again(folder: Path, cut: Cut) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    lay_out(cut, folder)
    return folder / "home"


def read_back(cut: Cut, folder: Path) -> Stored | None:
    return PurchaseStore(again(folder, cut) / "purchases").load(STORED_ID)


def found_in_ledger(cut: Cut, folder: Path) -> str:
    """Open the ledger as a new process would, check it, and return the purchase's state."""
    home = again(folder, cut)
    (home / "ledger.sqlite3-shm").unlink(missing_ok=True)  # memory, which is gone
    ledger = SqliteLedger(home / "ledger.sqlite3")
    try:
        assert ledger.check() == []
        found = ledger.list_purchases(PurchaseFilter())
        assert len(found) <= 1
        for one in found:
            assert (ledger.signed_payment(one.id) is not None) == (one.state.value == "signed")
        return (*(one.state.value for one in found), "nothing")[0]
    finally:
        ledger.close()


def may_be_left(passed: frozenset[str]) -> set[str]:
    return next(left for step, left in reversed(MAY_BE_LEFT.items()) if step in {*passed, ""})


def names(cut: Cut) -> Sequence[str]:
    parts = [path.split("/") for path in cut.files]
    return [part[2] for part in parts if len(part) == 3 and ".tmp-" not in part[2]]


def whole(store: PurchaseStore, name: str) -> bytes | None:
    stored = store.load(name)
    return None if stored is None else stored.body
