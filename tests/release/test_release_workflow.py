"""The workflow that publishes: what it may do, and that it builds what the tests have seen."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.release.published import ROOT, script

READER: Any = YAML(typ="safe", pure=True)
TEXT = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
JOBS: dict[str, Any] = READER.load(TEXT)["jobs"]


def commands(job: str) -> str:
    """Return what a job runs."""
    return "\n".join(step["run"] for step in JOBS[job]["steps"] if "run" in step)


def test_it_publishes_only_from_its_own_repository() -> None:
    repository = script("identity").REPOSITORY
    assert JOBS["build"]["if"] == f"github.repository == '{repository}'"
    assert {job["needs"] for name, job in JOBS.items() if name != "build"} == {"build", "pypi"}


def test_the_tag_has_to_be_the_version_and_the_tests_have_to_pass() -> None:
    ran = commands("build")
    order = ["uv sync --locked", "uv version --short", "uv run pytest", "uv build"]
    order += ["uv run python release/bundle.py", "sha256sum"]
    places = [ran.index(one) for one in order]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("job", "allowed"),
    [
        ("build", {"contents": "read", "id-token": "write", "attestations": "write"}),
        ("pypi", {"id-token": "write"}),
        ("github", {"contents": "write"}),
        ("registry", {"contents": "read", "id-token": "write"}),
    ],
)
def test_a_job_may_do_only_what_it_does(job: str, allowed: dict[str, str]) -> None:
    assert JOBS[job]["permissions"] == allowed


def test_no_secret_is_stored_and_every_action_has_a_version() -> None:
    assert "secrets." not in TEXT
    uses = [step["uses"] for job in JOBS.values() for step in job["steps"] if "uses" in step]
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", one) for one in uses)
