"""The walkthrough for a host shows what happens, from an empty home folder to an approval."""

from __future__ import annotations

import json
import os
import runpy
from pathlib import Path
from typing import Any

import pytest

from sandbox.run import BUYER_KEY
from tests.docs.masking import IDS, masking
from tests.hosts.host_models import ClaudeCodeEntry

ROOT = Path(__file__).resolve().parents[2]
GENERATE: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "generate.py"))
masked = masking(
    {
        **IDS,
        "DAY": r"\d{4}-\d\d-\d\d",
        "TIME": r"\d\d:\d\d:\d\d",
    }
)


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX terminal")
def test_the_walkthrough_shows_what_a_host_and_its_person_see(tmp_path: Path) -> None:
    page = GENERATE["WALKTHROUGH"].read_text(encoding="utf-8")
    blocks: dict[str, str] = GENERATE["walkthrough"](tmp_path)
    again = page
    for name, block in blocks.items():
        again = GENERATE["with_block"](again, name, block)
    assert masked(page) == masked(again), "run: uv run python docs/generate.py walkthrough"

    text = (tmp_path / "ada" / ".claude.json").read_text(encoding="utf-8")
    entry = ClaudeCodeEntry.model_validate(json.loads(text)["mcpServers"]["purser-sandbox"])
    assert sorted(entry.env) == ["PURSER_HOME", "PURSER_PASSPHRASE"]
    assert BUYER_KEY.removeprefix("0x") not in text
    assert "paid $0.01 (verified)" in blocks["bought"]
    assert "approval_required" in blocks["refused"]
    assert "paid $0.60 (verified)" in blocks["paid"]
