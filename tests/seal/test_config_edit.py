"""One setting changes in config.toml; everything else stays, to the character."""

from __future__ import annotations

import tomllib

import pytest

from server.config_edit import NotEditableError, with_setting
from server.config_template import default_config_text


def changed_lines(before: str, after: str) -> list[tuple[str, str]]:
    pairs = zip(before.splitlines(), after.splitlines(), strict=True)
    return [(old, new) for old, new in pairs if old != new]


@pytest.mark.parametrize(
    ("where", "value", "line"),
    [
        (
            ("budget", "per_day"),
            '"2.00"',
            'per_day = "2.00"           # the most that is spent in a day',
        ),
        (
            ("budget", "payments_per_minute"),
            "7",
            "payments_per_minute = 7    # how many payments may start in a minute",
        ),
        (
            ("hosts", "deny"),
            '["a.example", "b.example"]',
            'deny = ["a.example", "b.example"]  # never contacted, whatever else is set',
        ),
        (("wallet", "schemes"), '["exact"]', None),
    ],
)
def test_one_line_of_the_template_changes_and_keeps_its_comment(
    where: tuple[str, str], value: str, line: str | None
) -> None:
    before = default_config_text()
    changed = changed_lines(before, with_setting(before, where, value))
    assert [after for _, after in changed] == ([] if line is None else [line])


def test_a_list_over_many_lines_is_replaced_whole() -> None:
    text = '[hosts]\n  deny = [ # first\n "x#y", # why\n ]  # end\nmode = "open"\n'
    assert with_setting(text, ("hosts", "deny"), "[]") == (
        '[hosts]\n  deny = []  # end\nmode = "open"\n'
    )


def test_a_setting_that_is_missing_is_added_to_its_table() -> None:
    text = '# mine\n[budget] # usd\nper_day = "5"\n\n[hosts]\n'
    assert with_setting(text, ("budget", "total"), '"9"') == (
        '# mine\n[budget] # usd\ntotal = "9"\nper_day = "5"\n\n[hosts]\n'
    )


@pytest.mark.parametrize("text", ["", "# mine", '[budget]\nper_day = "5"\n'])
def test_a_table_that_is_missing_is_added_at_the_end(text: str) -> None:
    edited = with_setting(text, ("network", "eip155:8453", "rpc_urls"), '["https://x.example"]')
    assert edited.startswith(text)
    assert edited.endswith('[network."eip155:8453"]\nrpc_urls = ["https://x.example"]\n')


def test_the_table_of_another_network_is_another_table() -> None:
    text = '[network."eip155:84532"]\nrpc_urls = ["https://a.example"]\n'
    edited = with_setting(text, ("network", "eip155:8453", "rpc_urls"), '["https://b.example"]')
    assert edited.startswith(text)
    assert len(tomllib.loads(edited)["network"]) == 2


def test_line_ends_of_windows_stay() -> None:
    text = '[budget]\r\nper_day = "5" # a\r\nper_payment = "1"\r\n'
    assert with_setting(text, ("budget", "per_day"), '"12"') == (
        '[budget]\r\nper_day = "12"  # a\r\nper_payment = "1"\r\n'
    )


@pytest.mark.parametrize(
    "text",
    [
        'budget = { per_day = "5" }\n',
        'budget.per_day = "5"\n',
        '[budget]\n"per_day" = "5"\n',
        'note = """\n[budget]\nper_day = "5"\n"""\n[budget]\nper_day = "5"\n',
        "budget = 5\n",
    ],
)
def test_what_it_cannot_change_well_it_leaves_to_the_person(text: str) -> None:
    with pytest.raises(NotEditableError):
        with_setting(text, ("budget", "per_day"), '"2"')
