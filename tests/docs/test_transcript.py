"""The conversation in the README is what the demo says, but for ids, hashes and ports."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docs.masking import IDS, masking

ROOT = Path(__file__).resolve().parents[2]
GENERATE: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "generate.py"))

masked = masking(
    {
        "PORT": r"(?<=127\.0\.0\.1:)\d+",
        "HASH": r"0x[0-9a-f]{64}",
        **IDS,
    }
)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_transcript_in_the_readme_is_what_the_demo_says() -> None:
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "purser_mcp", "demo", "--json"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    story = json.loads(ran.stdout)
    assert story["held"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = readme.split("<!-- generated:transcript -->")[1].split("<!-- /generated")[0].strip()
    assert masked(shown) == masked(GENERATE["transcript"](story)), (
        "run: uv run python docs/generate.py transcript"
    )


def test_only_what_changes_from_run_to_run_is_masked() -> None:
    text = "paid $0.01 at http://127.0.0.1:8402/a [end of web content 0123456789]"
    assert masked(text) == "paid $0.01 at http://127.0.0.1:PORT/a [end of web content BOUNDARY]"
