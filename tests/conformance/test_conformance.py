"""The official conformance suite: all that two revisions of MCP require of a server."""

from __future__ import annotations

from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.official import (
    NO_FAILURES,
    RUNS,
    conformance,
    failed,
    node_command,
    once_more,
    served,
    settle_alone,
)
from tests.differential.node_packages import NodeMissingError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

REVISIONS = ("2025-11-25", "2026-07-28")

NOT_REQUIRED = {
    "server-sse-polling": "pending in the suite; needs a store of events to resume a stream from",
    "json-schema-2020-12": "pending in the suite; a fixture tool with a schema of every keyword",
    "http-custom-header-server-validation": "pending in the suite; needs a tool with own headers",
    "tasks-": "an extension that the SDK does not implement and Purser does not offer",
}
"""Scenarios, or the beginnings of their names, that the suite runs and does not score, and why."""

BOTH = frozenset(
    {
        *("completion-complete", "tools-list", "resources-list", "prompts-list"),
        *("dns-rebinding-protection", "server-sse-multiple-streams"),
    }
)
ANY_SERVER = {
    "2025-11-25": BOTH
    | {
        *("server-initialize", "server-session-lifecycle", "ping"),
        *("resources-subscribe", "resources-unsubscribe"),
    },
    "2026-07-28": BOTH
    | {
        *("server-stateless", "caching", "sep-2164-resource-not-found", "http-header-validation"),
        "input-required-result-unsupported-methods",
    },
}
"""Scenarios that ask for nothing that a server need not have.

The others call a tool, resource or prompt of the suite's own, and pass hollow without it if they
pass at all: a call of an unknown tool is an error too.
"""
NEEDS_A_FIXTURE = {
    "sep-2575-server-rejects-undeclared-capability": "calls a tool that needs sampling",
    "sep-2575-missing-capability-http-400": "calls the same tool",
}
"""Checks of the scenarios above, which a server without the suite's own tools cannot meet."""


@pytest.fixture(scope="module", autouse=True)
def _node() -> None:
    try:
        node_command("conformance")
    except NodeMissingError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def with_fixtures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(settle_alone(tmp_path_factory.mktemp("fixtures") / "home")) as url:
        yield url


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(settle_alone(tmp_path_factory.mktemp("plain") / "home"), "--plain") as url:
        yield url


def _still_failing(
    url: str,
    revision: str,
    checks: dict[str, list[dict[str, Any]]],
    results: Path,
    excused: Set[str] = frozenset(),
) -> dict[str, set[str]]:
    """Return what failed by scenario, and failed again each time when the scenario ran alone."""
    failing = {name: ids for name, found in checks.items() if (ids := failed(found) - excused)}
    for run in range(1, RUNS):
        for name in list(failing):
            alone = results / f"{name}-{run}"
            failing[name] = failed(once_more(url, revision, name, alone)) - excused
            if not failing[name]:
                del failing[name]
    return failing


@pytest.mark.parametrize(("revision", "scenarios"), [("2025-11-25", 30), ("2026-07-28", 37)])
def test_all_that_a_revision_requires_is_met(
    with_fixtures: str, revision: str, scenarios: int, tmp_path: Path
) -> None:
    found = conformance(with_fixtures, revision, tmp_path / "all")
    required = {
        name: checks for name, checks in found.items() if not name.startswith(tuple(NOT_REQUIRED))
    }
    assert len(required) >= scenarios
    assert all(required.values())
    assert _still_failing(with_fixtures, revision, required, tmp_path) == {}


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_product_itself_meets_what_any_server_must(
    plain: str, revision: str, tmp_path: Path
) -> None:
    found = conformance(plain, revision, tmp_path / "all")
    asked = {name: found[name] for name in ANY_SERVER[revision]}
    assert all(asked.values())
    excused = NEEDS_A_FIXTURE.keys()
    assert _still_failing(plain, revision, asked, tmp_path, excused) == {}


def test_no_failure_is_expected() -> None:
    baseline = NO_FAILURES.read_text(encoding="utf-8")
    assert [line for line in baseline.splitlines() if not line.startswith("#")] == ["server: []"]
