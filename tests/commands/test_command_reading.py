"""`purser fetch` on the library: pages as Markdown, data and files byte by byte."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from sandbox.corpus import documents
from sandbox.run import Sandbox
from tests.commands.command_line import CommandLine


def body_of(name: str) -> bytes:
    return next(one.body for one in documents() if one.name == name)


def test_a_bought_page_is_markdown_with_its_table(shopper: CommandLine, sandbox: Sandbox) -> None:
    ran = shopper("fetch", sandbox.seller_url + "/library/table-colspan.html")
    assert ran.code == 0
    assert ran.err.startswith("[Purser: paid $0.001 (verified)")
    assert ran.out.startswith("# Cargo by quarter\n")
    assert "| Salt | closed |  | 44 | 52 |" in ran.out


def test_data_for_a_program_stays_as_the_seller_sent_it(
    shopper: CommandLine, sandbox: Sandbox
) -> None:
    ran = shopper("fetch", sandbox.seller_url + "/shelf/ships.json")
    assert ran.out.strip() == body_of("ships.json").decode()
    asked = shopper("fetch", sandbox.seller_url + "/shelf/ships.json", "--format", "text")
    assert asked.out.startswith("JSON array of 1,000 objects; keys: id (number)")


@pytest.mark.parametrize("name", ["log.pdf", "hold.bin"])
def test_a_file_is_written_whole(
    shopper: CommandLine, sandbox: Sandbox, tmp_path: Path, name: str
) -> None:
    target = tmp_path / name
    assert shopper("fetch", f"{sandbox.seller_url}/shelf/{name}", "--output", str(target)).code == 0
    assert target.read_bytes() == body_of(name)
    data = shopper("fetch", f"{sandbox.seller_url}/shelf/{name}", "--json").json()
    assert base64.b64decode(data["content_base64"]) == body_of(name)
    assert shopper("fetch", f"{sandbox.seller_url}/shelf/none.pdf").code == 1
