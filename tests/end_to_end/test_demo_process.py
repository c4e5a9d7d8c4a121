"""`purser demo` as a person runs it: every promise held, and nothing left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.hosting import environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def left_running(mark: str) -> list[str]:
    """Return the processes with `mark` in their environment, where there is a /proc to ask."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def test_the_demo_keeps_its_promises_and_leaves_nothing_behind(tmp_path: Path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    mark = f"PURSER_DEMO_TEST_{os.getpid()}_{tmp_path.name}"
    env = environment(tmp_path / "home", TMPDIR=str(scratch), TEMP=str(scratch), DEMO_MARK=mark)
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "purser_mcp", "demo", "--json"],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert list(scratch.iterdir()) == []
    assert not (tmp_path / "home").exists(), "the demo keeps away from the user's own folder"
    assert left_running(mark) == []
    story = json.loads(ran.stdout)
    assert (story["held"], story["transfers"]) == (True, 2)
    fetched = [one for one in story["chapters"] if one["call"].startswith("paid_fetch")]
    assert all(one["as_promised"] for one in story["chapters"])
    assert [one["payments_seen"] for one in fetched] == [0, 1, 0, 1, 0]
    paid = [one["receipt"] for one in fetched if one["payments_seen"]]
    assert [(one["status"], one["evidence"]) for one in paid] == [("settled", "verified")] * 2
    assert fetched[2]["receipt"] == paid[0] | {"reused": True}
    assert (fetched[4]["error"]["code"], fetched[4]["error"]["spent"]) == ("over_payment_cap", "no")
