"""Whatever a URL and a media type are, the file is in its folder, safe to have, and found again."""

from __future__ import annotations

import os
import sys
import unicodedata
from pathlib import Path, PureWindowsPath
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.commands.file_names import STEM_BYTES, folded, name_parts, numbered
from server.commands.folder import open_folder

HOST = "https://shop.example"
DEVICES = {"con", "prn", "aux", "nul", *(f"{p}{n}" for p in ("com", "lpt") for n in range(10))}
TYPES = ("text/html", "application/json", "text/csv", "image/png", "text/x-sh", "")
segments = st.one_of(
    st.text(max_size=300),
    st.sampled_from(["con", "NUL.tar.gz", "..", ".", "...", "COM\N{SUPERSCRIPT ONE}", "-rf", " "]),
)


@st.composite
def urls(draw: st.DrawFn) -> str:
    path = "/".join(draw(st.lists(segments, max_size=3)))
    encode = draw(st.booleans())
    query = draw(st.one_of(st.just(""), st.text(max_size=60).map("?{}".format)))
    return f"{HOST}/{quote(path, errors='replace') if encode else path}{query}"


@given(urls(), st.one_of(st.sampled_from(TYPES), st.text(max_size=40)), st.integers(1, 1_000))
def test_a_name_is_one_plain_file_on_every_system(url: str, mime: str, number: int) -> None:
    name = numbered(*name_parts(url, mime), number)
    assert PureWindowsPath(name).name == name == os.path.basename(name)
    assert len(name.encode()) <= STEM_BYTES + len("-1000.parquet")
    assert unicodedata.normalize("NFC", name) == name
    assert name[0] not in "-. "
    assert name[-1] not in ". "
    assert name.partition(".")[0].lower() not in DEVICES
    assert all(one in "-._" or unicodedata.category(one)[0] in "LMN" for one in name)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(urls(), st.sampled_from(TYPES), st.binary(max_size=4)), max_size=8))
def test_each_content_gets_a_file_of_its_own_and_the_next_run_finds_it(
    pages: list[tuple[str, str, bytes]],
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name) / "pages"
        runs = [store(folder, pages), store(folder, pages)]
        assert runs[0] == runs[1]
        assert len({folded(one) for one in runs[0]}) == len(pages) == len(os.listdir(folder))
        for one, (_, _, data) in zip(runs[0], pages, strict=True):
            assert (folder / one).read_bytes() == data


def store(path: Path, pages: list[tuple[str, str, bytes]]) -> list[str]:
    """Write pages as one run does."""
    folder = open_folder(path)
    try:
        return [folder.add(*name_parts(url, mime), data) for url, mime, data in pages]
    finally:
        folder.close()


@pytest.mark.parametrize(
    ("url", "mime", "name"),
    [
        ("/report", "text/html", "report.html"),
        ("/report.HTM", "text/html", "report.html"),
        ("/", "text/html", "shop.example.html"),
        ("/api/weather?city=Port Ellery", "application/json", "weather_city_Port_Ellery.json"),
        ("/a%2F..%2F..%2Fetc%2Fpasswd", "text/plain", "a_.._.._etc_passwd.txt"),
        ("/setup.exe", "application/octet-stream", "setup.exe.bin"),
        ("/setup.exe", "application/x-msdownload", "setup.exe.bin"),
        ("/run.js", "text/javascript", "run.js.txt"),
        ("/log.csv", "application/octet-stream", "log.csv"),
        ("/notes.md", "text/plain", "notes.md"),
        ("/con.pdf", "application/pdf", "_con.pdf"),
        ("/stra\u00dfe.json", "application/ld+json", "stra\u00dfe.json"),
        ("/cafe\u0301", "text/plain", "caf\u00e9.txt"),
        ("/.ssh", "text/plain", "ssh.txt"),
        ("/data.tar.gz", "application/gzip", "data.tar.gz"),
    ],
)
def test_a_name_comes_from_the_url_and_its_ending_from_the_type(
    url: str, mime: str, name: str
) -> None:
    assert numbered(*name_parts(HOST + url, mime), 1) == name


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_file_that_is_there_is_kept_and_a_link_is_not_followed(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "pages"
    folder.mkdir()
    outside.write_bytes(b"theirs")
    (folder / "a.txt").symlink_to(outside)
    (folder / "a-2.txt").symlink_to(tmp_path / "nowhere")
    (folder / "A-3.TXT").write_bytes(b"new")
    (folder / "a-4.txt").write_bytes(b"old")
    (folder / "a-5.txt").mkdir()
    pages = [(f"{HOST}/a.txt", "text/plain", data) for data in (b"theirs", b"new", b"old")]
    assert store(folder, pages) == ["a-6.txt", "a-7.txt", "a-4.txt"]
    assert outside.read_bytes() == b"theirs"
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_is_made_only_where_its_parent_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_folder(tmp_path / "no" / "pages")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        open_folder(tmp_path / "file")
    open_folder(tmp_path / "pages").close()
    assert (tmp_path / "pages").is_dir()
