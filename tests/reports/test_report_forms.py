"""A report says the same in every form, and a seller's words stay words in each of them."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime

import pytest
from report_kit import HOSTILE_HOST, NOON, WEEK, line, report

from server.reports.as_html import as_html
from server.reports.as_text import ASCII_BLOCKS, as_csv, as_text, csv_text
from server.reports.period import between, last_days, named
from server.reports.report import Report, as_data, columns
from wallet.model import Evidence, State
from wallet.spending import By, Spending, Totals

UNKNOWN = line(state=State.UNKNOWN, evidence=Evidence.UNKNOWN, micros=5_000)
CLAIMED = line(host="news.example", evidence=Evidence.CLAIMED, micros=20_000, day="2026-11-19")
FREED = line(state=State.VOID, evidence=Evidence.NONE, micros=99_000)


def stamp(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("week", "2026-11-15", "2026-11-21"),
        ("month", "2026-11-01", "2026-11-21"),
        ("2026-02", "2026-02-01", "2026-02-28"),
        ("2024-12", "2024-12-01", "2024-12-31"),
    ],
)
def test_a_period_is_whole_days(name: str, first: str, last: str) -> None:
    days = named(name, NOON).days
    assert (days[0], days[-1]) == (first, last)
    assert named(name, NOON).since % 86_400 == named(name, NOON).until % 86_400 == 0


@pytest.mark.parametrize("name", ["", "year", "2026-13", "2026-00", "2026-1", "٢٠٢٦-٠١", "0000-01"])
def test_a_period_of_another_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="write week, month or a month"):
        named(name, NOON)


def test_an_end_that_is_a_day_includes_it_and_one_that_is_a_time_does_not() -> None:
    assert stamp(between("2026-11-01", "2026-11-02", NOON).until) == "2026-11-03T00:00:00+00:00"
    until = between("2026-11-01", "2026-11-02T00:00:00+01:00", NOON).until
    assert stamp(until) == "2026-11-01T23:00:00+00:00"
    assert between(None, None, NOON) == last_days(30, NOON)


@pytest.mark.parametrize(
    ("since", "until", "told"),
    [
        ("2026-11-02", "2026-11-01", "the end has to be after"),
        ("1999-01-01", None, "at most"),
        ("yesterday", None, "write a day"),
    ],
)
def test_a_time_that_is_none_is_refused(since: str, until: str | None, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        between(since, until, NOON)


def test_text_lines_up_and_tells_spent_from_held_without_colour() -> None:
    text = as_text(report(line(), UNKNOWN, CLAIMED, FREED), ASCII_BLOCKS)
    assert "Spent                    $0.030  2 times" in text
    assert "Held                     $0.005  once" in text
    assert "  outcome unknown        $0.005  once" in text
    assert "Freed                    $0.099  once" in text
    assert "not sent" not in text
    assert re.search(r"^news.example +\$0.02 +- +1  #{24}$", text, re.M)
    assert re.search(r"^api.example.com +\$0.01 +\$0.005 +1  #{12}-{6}$", text, re.M)


def test_a_deposit_is_in_a_channel_and_not_a_payment_that_was_not_sent() -> None:
    deposited = line(state=State.HELD, evidence=Evidence.CLAIMED, count=0, of_channel=True)
    unsent = line(state=State.HELD, evidence=Evidence.NONE, micros=1_000)
    text = as_text(report(deposited, unsent))
    assert "Held                     $0.011  once\n" in text
    assert "  not sent               $0.001  once\n" in text
    assert "  in channels            $0.010\n" in text
    data = as_data(report(deposited, unsent))["totals"]
    assert (data["held_usd"], data["not_sent_usd"], data["in_channels_usd"]) == (
        *("0.011", "0.001", "0.01"),
    )
    assert "$0.001 not sent, $0.01 in channels" in as_html(report(deposited, unsent))


@pytest.mark.parametrize(("free", "told"), [(0, ""), (1, "; one fetch was free"), (2, "; 2 fetc")])
def test_of_a_time_without_purchases_one_sentence_tells_and_one_says_what_to_do(
    free: int, told: str
) -> None:
    empty = Report(WEEK, Spending((), (), free))
    said = as_text(empty)
    assert said.startswith(f"Nothing was bought in this time: {empty.title} (UTC){told}")
    assert said.count("\n") == 1
    assert "report --period YYYY-MM` shows another month" in said
    page = as_html(empty)
    assert said.strip().replace("`", "") in page
    assert "<svg" not in page
    assert "<table" not in page


def test_data_has_every_sum_as_a_string_and_only_what_was_asked_for() -> None:
    data = as_data(report(line(), UNKNOWN, CLAIMED, FREED, by=(By.HOST,)))
    assert data["totals"] == {
        "settled_usd": "0.03",
        "verified_usd": "0.01",
        "claimed_usd": "0.02",
        "held_usd": "0.005",
        "unknown_usd": "0.005",
        "not_sent_usd": "0.00",
        "in_channels_usd": "0.00",
        "freed_usd": "0.099",
        "settled": 2,
        "verified": 1,
        "claimed": 1,
        "held": 1,
        "unknown": 1,
        "not_sent": 0,
        "freed": 1,
    }
    assert list(data["by"]) == ["host"]
    assert [row["name"] for row in data["by"]["host"]] == ["news.example", "api.example.com"]


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "\u200b=1", "\n=1"],
)
def test_no_cell_of_a_spreadsheet_is_a_formula(text: str) -> None:
    (cell,) = list(csv.reader(io.StringIO(csv_text(["a"], [[text]]))))[1]
    assert cell.startswith("'")


def test_rows_for_a_spreadsheet_are_one_for_each_heading() -> None:
    rows = list(csv.reader(io.StringIO(as_csv(report(line(host=HOSTILE_HOST), CLAIMED)))))
    assert rows[0][:3] == ["by", "name", "settled_usd"]
    hosts = {row[1]: row[2] for row in rows if row[0] == "host"}
    assert set(hosts.values()) == {"0.01", "0.02"}
    assert all(not name.startswith("=") for name in hosts)


def test_a_page_loads_and_runs_nothing_and_has_no_script() -> None:
    html = as_html(report(line(host=HOSTILE_HOST), UNKNOWN))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy is not None
    assert re.fullmatch(
        r"default-src &#x27;none&#x27;; style-src &#x27;sha256-[\w+/=]+&#x27;; "
        r"base-uri &#x27;none&#x27;; form-action &#x27;none&#x27;",
        policy[1],
    )
    assert not re.search(r"<(script|iframe|img|link|object|form)\b|\son\w+=|\sstyle=", html)
    addresses = set(re.findall(r"https?://[^\"&\s]+", html))
    assert addresses == {"http://www.w3.org/2000/svg", "https://evil.example"}
    assert 'href="' not in html


def test_every_id_of_a_page_is_there_once() -> None:
    html = as_html(report(line(), UNKNOWN, CLAIMED, by=tuple(By)))
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids)) > 8


def test_a_long_time_is_drawn_in_months() -> None:
    period = between("2026-01-01", "2026-11-21", NOON)
    drawn = columns(report(line(), CLAIMED, period=period).broken_down(By.DAY))
    assert [one.label for one in drawn][-2:] == ["2026-10", "2026-11"]
    assert (len(drawn), drawn[-1].spent) == (11, 30_000)


def test_days_on_which_nothing_was_bought_are_columns_too() -> None:
    days = report(CLAIMED).broken_down(By.DAY)
    assert list(days) == WEEK.days
    assert days["2026-11-20"] == Totals()
