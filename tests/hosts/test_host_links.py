"""The links in the README say what the hosts' own files would."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from server.commands.launcher import PACKAGE
from server.mcp_hosts.links import cursor_link, cursor_web_link, vscode_link, vscode_web_link
from tests.hosts.host_models import CursorEntry, VsCodeEntry

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ["uvx", "--from", PACKAGE, "purser", "serve"]


def test_the_link_for_cursor_holds_an_entry_of_its_file() -> None:
    link = urlsplit(cursor_link())
    assert (link.scheme, link.netloc) == ("cursor", "anysphere.cursor-deeplink")
    assert link.path == "/mcp/install"
    query = parse_qs(link.query, strict_parsing=True)
    assert query["name"] == ["purser"]
    entry = CursorEntry.model_validate_json(b64decode(query["config"][0], validate=True))
    assert [entry.command, *entry.args] == COMMAND
    assert urlsplit(cursor_web_link())[1:4] == ("cursor.com", "/en/install-mcp", link.query)


def test_the_link_for_vs_code_holds_a_name_and_an_entry_of_its_file() -> None:
    before, _, config = vscode_link().partition("?")
    assert before == "vscode:mcp/install"
    assert re.fullmatch(r"[\w.~%-]+", config)  # as encodeURIComponent leaves it
    data = json.loads(unquote(config))
    assert data.pop("name") == "purser"
    entry = VsCodeEntry.model_validate(data)
    assert [entry.command, *entry.args] == COMMAND
    web = urlsplit(vscode_web_link())
    assert (web.scheme, web.netloc, web.path) == ("https", "insiders.vscode.dev", "/redirect")
    assert parse_qs(web.query) == {"url": [vscode_link()]}


def test_the_readme_and_the_page_of_hosts_show_these_links() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "hosts.md").read_text(encoding="utf-8")
    assert {f"]({cursor_web_link()})", f"]({vscode_web_link()})"} <= set(
        re.findall(r"\]\([^)]+\)", readme)
    )
    assert f"\n{cursor_link()}\n{vscode_link()}\n" in page
