"""What goes to stderr may end up in a host's log files, so it holds no secrets."""

from __future__ import annotations

import logging

import pytest

from server.stderr_log import SparingFormatter, describe_exception, redact_queries


def _raise(depth: int) -> None:
    if depth:
        _raise(depth - 1)
    raise ValueError("canary-77 https://seller.example/?key=canary-77")


def _wrap() -> None:
    try:
        _raise(0)
    except ValueError as error:
        raise RuntimeError("canary") from error


def test_the_query_and_fragment_of_a_url_are_cut() -> None:
    text = "GET https://a.example/p?key=canary-1#x failed; http://b.example#canary-2, fine"
    assert redact_queries(text) == "GET https://a.example/p?... failed; http://b.example?... fine"


def test_the_name_and_password_in_a_url_are_cut() -> None:
    text = "at HTTPS://canary-3:word@rpc.example/v2?k=canary-4 and wss://canary-5@b.example:8 too"
    assert redact_queries(text) == "at HTTPS://rpc.example/v2?... and wss://b.example:8 too"


def test_an_at_sign_in_a_path_is_left_alone() -> None:
    assert redact_queries("see https://a.example/@name and me@b.example") == (
        "see https://a.example/@name and me@b.example"
    )


def test_an_exception_is_described_without_its_text() -> None:
    with pytest.raises(ValueError, match="canary") as caught:
        _raise(50)
    described = describe_exception(caught.value)
    assert "canary" not in described
    assert described.startswith("ValueError at mcp_server/test_stderr_log.py:")
    assert len(described) < 500


def test_causes_and_groups_are_described_too() -> None:
    with pytest.raises(RuntimeError) as caught:
        _wrap()
    described = describe_exception(ExceptionGroup("canary", [caught.value]))
    assert "ExceptionGroup" in described
    assert "RuntimeError at" in described
    assert "caused by ValueError at" in described
    assert "canary" not in described


def test_a_logged_traceback_keeps_frames_and_loses_texts() -> None:
    with pytest.raises(ValueError, match="canary") as caught:
        _raise(0)
    exception = (caught.type, caught.value, caught.tb)
    record = logging.LogRecord("purser", logging.ERROR, __file__, 1, "it broke", None, exception)
    line = SparingFormatter("%(message)s").format(record)
    assert line.startswith("it broke\nValueError at ")
    assert "canary" not in line
