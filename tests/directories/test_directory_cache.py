"""The cache of directories: whole or absent, bounded, private, and never in the way."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tools.directories import cache as module
from tools.directories.cache import DirectoryCache, Kept, ListedPrice

URL = "https://directory.example/list?offset=0"
KEPT = Kept(URL, 200, 1_795_000_000, '"tag"', b'{"items": []}\n\x00')


def test_what_is_stored_is_loaded_again(tmp_path: Path) -> None:
    cache = DirectoryCache(tmp_path / "directories")
    assert cache.load(URL) is None
    cache.store(KEPT)
    assert DirectoryCache(tmp_path / "directories").load(URL) == KEPT
    assert cache.load(URL + "1") is None


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff\n", b'{"url": 7}\n', b"[" * 9000 + b"\n"])
def test_a_damaged_file_is_one_that_is_not_there(tmp_path: Path, data: bytes) -> None:
    cache = DirectoryCache(tmp_path)
    cache.store(KEPT)
    (file,) = tmp_path.glob("*.answer")
    file.write_bytes(data)
    assert cache.load(URL) is None


def test_a_body_that_was_changed_is_not_used(tmp_path: Path) -> None:
    cache = DirectoryCache(tmp_path)
    cache.store(KEPT)
    (file,) = tmp_path.glob("*.answer")
    file.write_bytes(file.read_bytes() + b" ")
    assert cache.load(URL) is None


def test_an_endless_tag_is_not_kept_and_an_endless_url_not_at_all(tmp_path: Path) -> None:
    cache = DirectoryCache(tmp_path)
    cache.store(Kept(URL, 200, 1, "x" * 201, b""))
    found = cache.load(URL)
    assert found is not None
    assert found.etag is None
    cache.store(Kept("https://x.example/" + "y" * 9000, 200, 1, None, b""))
    assert len(list(tmp_path.glob("*.answer"))) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps its own access rules")
def test_nobody_else_can_read_what_was_looked_for(tmp_path: Path) -> None:
    root = tmp_path / "directories"
    DirectoryCache(root).store(KEPT)
    DirectoryCache(root).remember({URL: ListedPrice("0.01", "directory.example", 1)})
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in root.iterdir()} == {0o600}


def test_the_oldest_answers_go_when_there_are_too_many_or_too_large_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_CACHE_FILES", 3)
    monkeypatch.setattr(module, "MAX_CACHE_BYTES", 3000)
    cache = DirectoryCache(tmp_path)
    for number in range(5):
        cache.store(Kept(f"{URL}{number}", 200, 1, None, b"x"))
        _age(tmp_path)
    assert [cache.load(f"{URL}{number}") is None for number in range(5)] == [True] * 2 + [False] * 3
    cache.store(Kept(URL, 200, 1, None, b"x" * 2500))
    assert cache.load(URL) is not None
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 3000


def test_a_place_that_takes_no_files_only_means_asking_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = DirectoryCache(tmp_path / "file")
    cache.store(KEPT)
    cache.remember({URL: ListedPrice("0.01", "directory.example", 1)})
    assert cache.load(URL) is None
    assert cache.prices() == {}


def test_listed_prices_are_remembered_up_to_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PRICES", 2)
    cache = DirectoryCache(tmp_path)
    first, second = ListedPrice("0.01", "d.example", 1), ListedPrice("0.02", "d.example", 2)
    cache.remember({"https://a.example/": first, "https://b.example/": first})
    cache.remember({"https://a.example/": second, "https://c.example/": first})
    assert cache.prices() == {"https://a.example/": second, "https://c.example/": first}
    (tmp_path / "prices.json").write_text('{"https://a.example/": {"price": 1}}')
    assert cache.prices() == {}


def test_as_many_prices_as_are_kept_can_be_read_again_however_long_their_urls(
    tmp_path: Path,
) -> None:
    cache, price = DirectoryCache(tmp_path), ListedPrice("0.01", "directory.example", 1)
    urls = [f"https://h{number:04}.example/{'%22' * 500}" for number in range(module.MAX_PRICES)]
    cache.remember(dict.fromkeys(urls, price))
    assert list(cache.prices()) == urls


def _age(folder: Path) -> None:
    """Make every file an hour older, since all of them are written within one tick."""
    for file in folder.iterdir():
        past = file.stat().st_mtime - 3600
        os.utime(file, (past, past))
