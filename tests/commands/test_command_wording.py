"""A person at a terminal is spoken to as the user, in options and commands, not as a model."""

from __future__ import annotations

import re

import pytest

from sandbox.run import Sandbox
from server.commands.wording import error_meta, words_for
from tests.commands.command_line import CommandLine
from wallet.errors import ErrorKind, PurserError

TO_A_MODEL = re.compile(
    r"\bthe user\b|\bask the\b|\btool\b|\bargument is\b|\bcall again\b|(?<!-)\bmax_\w+_usd\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("kind", ErrorKind)
def test_no_title_and_no_hint_is_worded_for_a_model(kind: ErrorKind) -> None:
    words = words_for(kind)
    assert TO_A_MODEL.search(f"{words.title}. {words.hint}") is None
    assert words.hint.endswith(".")


@pytest.mark.parametrize("kind", ErrorKind)
def test_a_hint_names_settings_that_there_are(kind: ErrorKind, purser: CommandLine) -> None:
    for name in re.findall(r"policy set (\S+) ", words_for(kind).hint):
        told = purser("policy", "set", name, "[", "[").err
        assert told
        assert "is not a setting" not in told


def test_a_refusal_by_a_limit_names_the_command_that_changes_it() -> None:
    for kind, name in (
        (ErrorKind.SCHEME_NOT_ENABLED, "wallet.schemes"),
        (ErrorKind.OVER_PAYMENT_CAP, "budget.per_payment"),
        (ErrorKind.OVER_HOST_BUDGET, "budget.per_host_per_day"),
        (ErrorKind.OVER_DAY_BUDGET, "budget.per_day"),
        (ErrorKind.OVER_TOTAL_BUDGET, "budget.total"),
    ):
        assert f"purser policy set {name} " in words_for(kind).hint


def test_the_json_of_a_failure_is_worded_for_a_person() -> None:
    meta = error_meta(PurserError(ErrorKind.SCHEME_NOT_ENABLED, "Not this one."))
    words = words_for(ErrorKind.SCHEME_NOT_ENABLED)
    assert (meta["code"], meta["title"], meta["hint"]) == ("scheme_not_enabled", *words)


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
