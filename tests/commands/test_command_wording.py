"""A person at a terminal is spoken to as the user, in options and commands, not as a model."""

from __future__ import annotations

import re

import pytest

from sandbox.run import Sandbox
from server.commands.wording import words_for
from tests.commands.command_line import CommandLine
from wallet.errors import ErrorKind

TO_A_MODEL = re.compile(
    r"\bthe user\b|\bask the\b|\btool\b|\bargument is\b|\bcall again\b|(?<!-)\bmax_\w+_usd\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("kind", ErrorKind)
def test_no_title_and_no_hint_is_worded_for_a_model(kind: ErrorKind) -> None:
    words = words_for(kind)
    assert TO_A_MODEL.search(f"{words.title}. {words.hint}") is None
    assert words.hint.endswith(".")


def test_a_price_that_needs_approval_tells_the_person_what_to_run(
    shopper: CommandLine, sandbox: Sandbox
) -> None:
    shopper.env["PURSER_BUDGET__APPROVAL_ABOVE"] = "0.00"
    ran = shopper("fetch", sandbox.seller_url + "/article")
    assert ran.code == 3
    assert "The price needs your approval (approval_required)." in ran.err
    assert "so you have to approve it. To allow $0.01, run `" in ran.err
    assert "then run the same command again." in ran.err
    assert TO_A_MODEL.search(ran.err) is None
