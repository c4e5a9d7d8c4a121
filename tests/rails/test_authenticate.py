"""`WWW-Authenticate`: which schemes and parameters are read out of one or several values."""

from __future__ import annotations

import pytest

from wallet.rails.authenticate import AuthChallenge, parse_challenges


def _one(value: str) -> AuthChallenge:
    (challenge,) = parse_challenges([value])
    return challenge


def _schemes(*values: str) -> list[str]:
    return [one.scheme for one in parse_challenges(values)]


def test_tokens_and_quoted_texts_are_read_alike() -> None:
    assert _one('Payment id="a b", realm=x.example') == AuthChallenge(
        "payment", {"id": "a b", "realm": "x.example"}
    )


def test_names_are_lower_case_and_values_stay_as_they_are() -> None:
    assert _one('PAYMENT ID="aB", Realm=X') == AuthChallenge("payment", {"id": "aB", "realm": "X"})


def test_space_may_stand_around_the_equals_sign() -> None:
    assert _one('Payment id = "a" ,\trealm\t=\tb').params == {"id": "a", "realm": "b"}


def test_merged_values_are_told_apart() -> None:
    value = 'Basic realm="a, Payment id=1", Payment id="1", realm="x", L402 token="t", invoice="i"'
    assert [(one.scheme, one.params) for one in parse_challenges([value])] == [
        ("basic", {"realm": "a, Payment id=1"}),
        ("payment", {"id": "1", "realm": "x"}),
        ("l402", {"token": "t", "invoice": "i"}),
    ]


def test_repeated_headers_are_read_in_order() -> None:
    assert _schemes("Payment id=1", "L402 token=t, Payment id=2") == ["payment", "l402", "payment"]


@pytest.mark.parametrize(
    ("quoted", "text"),
    [
        (r"a\"b", 'a"b'),
        (r"a\\b", r"a\b"),
        (r"\a\,\;", "a,;"),
        (r"caf\u00e9", "café"),
        ("caf\xe9", "café"),
        (r"\u2603", "☃"),
        (r"\ud83d\ude00", "😀"),
        (r"\\u0041", r"\u0041"),
        (r"\u12", "u12"),
        ("", ""),
    ],
)
def test_escapes_are_undone(quoted: str, text: str) -> None:
    assert _one(f'Payment id="{quoted}"').params == {"id": text}


def test_half_a_character_stays_for_the_reader_to_refuse() -> None:
    assert _one(r'Payment id="\ud83d"').params == {"id": "\ud83d"}


def test_a_name_that_comes_twice_breaks_its_challenge_alone() -> None:
    first, second = parse_challenges(['Payment id="1", ID="2"', "Payment id=3"])
    assert first.broken
    assert not second.broken


@pytest.mark.parametrize(
    "rest",
    ['id="a', "id=a b", 'id="a"b', "id=", "=a", "id=a:b", '"a"', 'id="a\x00"', 'id="a\r\nb"'],
)
def test_text_that_follows_no_grammar_breaks_its_challenge(rest: str) -> None:
    assert parse_challenges([f"Payment realm=x, {rest}"])[0].broken


def test_what_comes_after_broken_text_is_read_all_the_same() -> None:
    broken, whole = parse_challenges(["Bearer realm=http://x y, Payment id=1"])
    assert broken.broken
    assert (whole.scheme, whole.params, whole.broken) == ("payment", {"id": "1"}, False)


def test_a_scheme_may_stand_alone_or_with_one_unnamed_value() -> None:
    negotiate, basic, payment = parse_challenges(["Negotiate, Basic YWJj==, Payment"])
    assert negotiate == AuthChallenge("negotiate")
    assert basic == AuthChallenge("basic", token68="YWJj==")
    assert payment == AuthChallenge("payment")


def test_a_parameter_before_any_scheme_belongs_to_nobody() -> None:
    assert _schemes("id=1, Payment id=2") == ["payment"]
    assert _one("id=1, Payment id=2").params == {"id": "2"}


@pytest.mark.parametrize("value", ["", ",", " , ,\t", "=", '"', "@", "id=1"])
def test_nothing_is_read_where_no_scheme_stands(value: str) -> None:
    assert parse_challenges([value]) == []


def test_there_is_an_end_to_challenges_and_to_the_length_of_a_value() -> None:
    assert len(parse_challenges(["Payment id=1, " * 60])) == 50
    assert parse_challenges(["Payment id=" + "a" * 65_536]) == []


@pytest.mark.parametrize(
    "value",
    [
        "Payment " + '"' * 60_000,
        "Payment " + '"' + '\\"' * 30_000,
        "Payment " + "a=" * 30_000,
        "," * 65_000,
        "Payment " + 'a="' + "\\" * 60_000,
        "Payment " + "a " * 30_000,
        "Payment a=" + "\t" * 60_000,
    ],
)
def test_long_hostile_values_take_no_long_time(value: str) -> None:
    assert len(parse_challenges([value])) <= 50
