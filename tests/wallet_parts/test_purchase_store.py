"""Bought bodies on disk: whole or absent, checked on reading, never outside their folder."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from wallet.errors import ErrorKind, PurserError
from wallet.exchange import WebResponse
from wallet.presenting import content_type_of
from wallet.purchases import (
    ROOM_TO_SPARE_BYTES,
    STALE_TEMPORARY_S,
    DamagedPurchaseError,
    PurchaseStore,
    StorageFailedError,
)

ID = "01890a5d-ac96-774b-bcce-b302099a8057"
OTHER_ID = "01890a5d-ac96-774b-bcce-b302099a8058"


@pytest.fixture
def store(tmp_path: Path) -> PurchaseStore:
    return PurchaseStore(tmp_path / "purchases")


def save(store: PurchaseStore, body: bytes, *, replace: bool = False, status: int = 200) -> None:
    store.save(ID, body, http_status=status, content_type="text/plain", replace=replace)


def test_a_saved_body_is_read_back_with_its_description(
    store: PurchaseStore, tmp_path: Path
) -> None:
    delivery = store.save(
        ID, b"\x00weather", http_status=200, content_type="text/plain", truncated=True
    )
    stored = store.load(ID)
    assert stored is not None
    assert (stored.body, stored.delivery, stored.truncated) == (b"\x00weather", delivery, True)
    assert (delivery.bytes, delivery.http_status) == (8, 200)
    assert PurchaseStore(tmp_path / "purchases").load(ID) == stored


@pytest.mark.parametrize(
    ("stated", "kept"),
    [
        ("text/html", "text/html"),
        (' Text/HTML; charset="UTF-8"; boundary=x', 'text/html; charset="utf-8"'),
        ("application/vnd.api+json", "application/vnd.api+json"),
        ("font/woff2", "font/woff2"),
        ("ignore/your-limits", "application/octet-stream"),
        ("textual/html", "application/octet-stream"),
        ("x-text/html", "application/octet-stream"),
        ("text/", "application/octet-stream"),
        ("text", "application/octet-stream"),
        ("text/ignore_your_limits", "text/ignore"),
        ("", "application/octet-stream"),
    ],
)
def test_a_content_type_is_a_registered_kind_or_plain_bytes(stated: str, kept: str) -> None:
    response = WebResponse("https://a.example/", 200, (("content-type", stated),), b"", False)
    assert content_type_of(response) == kept


def test_an_unknown_id_is_none(store: PurchaseStore) -> None:
    assert store.load(OTHER_ID) is None


def test_a_second_save_keeps_the_first_body(store: PurchaseStore) -> None:
    save(store, b"first")
    delivery = store.save(ID, b"second", http_status=500, content_type="text/html")
    stored = store.load(ID)
    assert stored is not None
    assert stored.body == b"first"
    assert delivery == stored.delivery


def test_a_replacement_takes_the_place_of_body_and_description(
    store: PurchaseStore, tmp_path: Path
) -> None:
    save(store, b"bad gateway", status=502)
    save(store, b"what was paid for", replace=True)
    save(store, b"and again", replace=True)
    stored = store.load(ID)
    assert stored is not None
    assert (stored.body, stored.delivery.http_status) == (b"and again", 200)
    assert len(list((tmp_path / "purchases" / ID).iterdir())) == 2


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_nobody_else_can_read_what_was_bought(store: PurchaseStore, tmp_path: Path) -> None:
    save(store, b"private")
    for path in [tmp_path / "purchases", *(tmp_path / "purchases").rglob("*")]:
        expected = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == expected, path


@pytest.mark.skipif(os.name == "nt", reason="folders are not synced there")
def test_body_description_and_folders_are_on_the_disk_before_saving_ends(
    store: PurchaseStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()

    def note(handle: int) -> None:
        synced.add(os.fstat(handle).st_ino)

    monkeypatch.setattr("os.fsync", note)
    save(store, b"weather")
    root = tmp_path / "purchases"
    for path in (root / ID / "body", root / ID / "delivery.json", root / ID, root):
        assert path.stat().st_ino in synced, path


@pytest.mark.parametrize("name", ["body", "delivery.json"])
@pytest.mark.parametrize("damage", ["altered", "emptied", "removed"])
def test_damage_is_reported_and_never_returned(
    store: PurchaseStore, tmp_path: Path, name: str, damage: str
) -> None:
    save(store, b"the true content")
    path = tmp_path / "purchases" / ID / name
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes(b"" if damage == "emptied" else path.read_bytes()[:-3] + b"~~~")
    with pytest.raises(DamagedPurchaseError):
        store.load(ID)


def test_a_description_cannot_name_a_file_outside_the_purchase(
    store: PurchaseStore, tmp_path: Path
) -> None:
    save(store, b"content")
    path = tmp_path / "purchases" / ID / "delivery.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"body": "../../secret"}))
    with pytest.raises(DamagedPurchaseError, match="outside"):
        store.load(ID)


@pytest.mark.parametrize(
    "bad_id",
    ["", "..", f"../{ID}", ID.upper(), f"{ID}/", f"{ID}\n", f"{{{ID}}}", ID.replace("-", "")],
)
def test_only_the_text_of_a_uuid_names_a_purchase(store: PurchaseStore, bad_id: str) -> None:
    with pytest.raises(ValueError, match="UUID"):
        store.load(bad_id)
    with pytest.raises(ValueError, match="UUID"):
        store.save(bad_id, b"", http_status=200, content_type="")


def test_many_savers_of_one_id_agree_on_one_body(store: PurchaseStore, tmp_path: Path) -> None:
    start = threading.Barrier(8)
    seen: list[str] = []

    def run(number: int) -> None:
        start.wait()
        body = str(number).encode()
        seen.append(store.save(ID, body, http_status=200, content_type="").sha256)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    assert len(set(seen)) == 1
    assert [path.name for path in (tmp_path / "purchases").iterdir()] == [ID]


def test_sweeping_removes_what_a_crash_left_but_not_work_in_progress(
    store: PurchaseStore, tmp_path: Path
) -> None:
    save(store, b"kept")
    left_behind = tmp_path / "purchases" / f"{OTHER_ID}.tmp-0011"
    left_behind.mkdir()
    (left_behind / "body").write_bytes(b"half")
    written_at = left_behind.stat().st_mtime
    assert store.sweep_temporaries(written_at + STALE_TEMPORARY_S) == 0
    assert left_behind.exists()
    assert store.sweep_temporaries(written_at + STALE_TEMPORARY_S + 1) == 1
    assert [path.name for path in (tmp_path / "purchases").iterdir()] == [ID]


def test_too_little_room_refuses_before_anything_is_paid(store: PurchaseStore) -> None:
    store.ensure_room(1)
    with pytest.raises(PurserError, match="nearly full") as caught:
        store.ensure_room(store.free_bytes() + ROOM_TO_SPARE_BYTES)
    assert caught.value.kind is ErrorKind.LEDGER_UNAVAILABLE
    assert caught.value.spent == "no"


def test_a_lost_folder_is_a_typed_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageFailedError):
        PurchaseStore(tmp_path / "file" / "purchases")
    store = PurchaseStore(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(StorageFailedError, match="No such file"):
        save(store, b"x")
    with pytest.raises(PurserError, match="cannot be written"):
        store.ensure_room(1)


def test_a_folder_that_takes_no_files_refuses_before_anything_is_paid(tmp_path: Path) -> None:
    store = PurchaseStore(tmp_path / "purchases")
    store.ensure_room(1)
    assert list((tmp_path / "purchases").iterdir()) == []
    (tmp_path / "purchases").rmdir()
    (tmp_path / "purchases").write_bytes(b"")
    with pytest.raises(PurserError, match="cannot be written") as caught:
        store.ensure_room(1)
    assert (caught.value.kind, caught.value.spent) == (ErrorKind.LEDGER_UNAVAILABLE, "no")


SAVE_BEYOND_THE_LIMIT = """
import resource, sys
from pathlib import Path
from wallet.purchases import PurchaseStore, StorageFailedError
store = PurchaseStore(Path(sys.argv[1]))
if sys.argv[3] == "replace":
    store.save(sys.argv[2], b"first", http_status=200, content_type="")
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    store.save(sys.argv[2], b"x" * 10_000, http_status=200, content_type="", replace=True)
except StorageFailedError as error:
    print("typed:", error)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="RLIMIT_FSIZE is POSIX")
@pytest.mark.parametrize("mode", ["new", "replace"])
def test_a_write_that_fails_half_way_is_typed_and_leaves_nothing_half_written(
    tmp_path: Path, mode: str
) -> None:
    root = tmp_path / "purchases"
    done = subprocess.run(
        [sys.executable, "-c", SAVE_BEYOND_THE_LIMIT, str(root), ID, mode],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.startswith("typed: bought content cannot be stored: ")
    stored = PurchaseStore(root).load(ID)
    if mode == "new":
        assert stored is None
        assert list(root.iterdir()) == []
    else:
        assert stored is not None
        assert stored.body == b"first"
        assert len(list((root / ID).iterdir())) == 2
