"""A report as one HTML file that needs nothing else: styles and charts inside, no script at all."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files

from server.charts import Share, bars, decimals_of, money, percent, shares, swatch
from server.pages.markup import Html, foreign, join, tag
from server.reports.as_text import nothing
from server.reports.report import Report, columns
from wallet.money_words import HELD, IN_CHANNELS, UNKNOWN, UNSENT
from wallet.spending import By, Totals, leading

NAME_CHARS = 80
ROWS_MOST = 50
SHARES_MOST = 6

_PRINT = """
@media print {
  :root { --ground: #fff; --shadow: none; }
  body { padding: 0; font-size: .85rem; }
  .card { break-inside: avoid; padding: .75rem 0; border: 0; }
  .shares rect, .bars rect, .swatch rect { print-color-adjust: exact; }
}
"""
_ALL = ("spent", "held", "share", "verified", "bought")
_BRIEF = ("spent", "held", "share")
_HEADINGS = {
    By.DAY: "By day",
    By.HOST: "By host",
    By.TOOL: "By tool",
    By.NETWORK: "By network",
    By.PROTOCOL: "By protocol",
    By.METHOD: "By HTTP method",
}


def as_html(report: Report) -> str:
    """Return a whole document; its policy lets a browser load nothing and run nothing."""
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"Spending, {report.title} - Purser"),
        tag("style", Html(style)),
    )
    top = tag("h1", "Spending"), tag("p", f"{report.title}, UTC days", class_="quiet")
    shown = [tag("p", nothing(report).replace("`", ""))] if report.is_empty else _parts(report)
    main = tag("main", *top, *shown, class_="wide")
    return "<!doctype html>\n" + tag("html", head, tag("body", main), lang="en") + "\n"


def _parts(report: Report) -> list[Html]:
    days = over_time(report.broken_down(By.DAY), key="time")
    sections = [_section(report, by) for by in report.by if by is not By.DAY]
    return [tiles(report), days, *sections, _foot()]


def tiles(report: Report) -> Html:
    """Return the few sums that matter most, in large type."""
    sums, spending = report.totals, report.spending
    proven = percent(sums.verified, sums.settled) if sums.settled else "-"
    rows = [
        (money(sums.settled), "spent", f"{sums.settled_count} purchases"),
        (money(sums.held), HELD.word, _parts_held(sums)),
        (proven, "verified on the chain", "the rest by the seller's word"),
        (str(sums.void_count), "freed", f"cost nothing; {money(sums.void)} came free"),
        (str(spending.free_fetches), "free fetches", "asked for nothing"),
    ]
    if spending.channels:
        deposited = sum(one.deposited_usd.micros for one in spending.channels)
        rows.append((money(deposited), "put into channels", "what pages cost of it is spent"))
    return tag("dl", *(_tile(*row) for row in rows), class_="tiles")


def _parts_held(sums: Totals) -> str:
    """Say of what a sum of held money is made up."""
    parts = [(UNKNOWN, sums.unknown), (UNSENT, sums.unsent), (IN_CHANNELS, sums.in_channels)]
    told = [f"{money(micros)} {part.word}" for part, micros in parts if micros]
    return ", ".join(told) or "no outcome is open"


def _tile(figure: str, name: str, note: str) -> Html:
    told = tag("dd", tag("strong", figure), tag("span", note, class_="quiet small"))
    return tag("div", tag("dt", name), told, class_="tile")


def over_time(days: Mapping[str, Totals], *, key: str) -> Html:
    """Return the card with the chart of the days, and the same as a table."""
    drawn = columns(days)
    whole = sum(one.spent for one in drawn)
    held = sum(one.held for one in drawn)
    best = max(drawn, key=lambda one: one.spent + one.held)
    described = f"{money(whole)} spent and {money(held)} held over {len(drawn)} columns"
    described += f"; the most in one is {money(best.spent + best.held)}, {best.name}"
    chart = bars(drawn, title="Spending over time", described=described, key=key)
    used = {name: sums for name, sums in days.items() if sums.counted or sums.void_count}
    table = tag("details", tag("summary", "The same as a table"), breakdown_table("day", used))
    return tag("section", tag("h2", "Over time"), chart, key_of_bars(), table, class_="card")


def key_of_bars() -> Html:
    """Return what solid and hatched mean."""
    view = "0 0 14 14"
    solid = tag("svg", tag("rect", class_="spent", width=14, height=14, rx=3), viewBox=view)
    stripes = [tag("line", class_="stripe", x1=x, y1=14, x2=x + 14, y2=0) for x in (-9, -1, 7)]
    ground = tag("rect", class_="held-ground", width=14, height=14, rx=3)
    hatched = tag("svg", ground, *stripes, viewBox=view)
    items = tag("li", solid, "spent"), tag("li", hatched, "held, may yet be spent or freed")
    return tag("ul", *items, class_="key", aria_hidden="true")


def _section(report: Report, by: By) -> Html:
    sums = report.broken_down(by)
    return tag(
        "section",
        tag("h2", _HEADINGS[by]),
        share_bar(sums, title=_HEADINGS[by], key=by.value),
        breakdown_table(by.value, sums, coloured=True),
        class_="card",
    )


def share_bar(sums: Mapping[str, Totals], *, title: str, key: str) -> Html | None:
    """Return the shares of what was spent or held, or None when there is nothing to share."""
    first, rest = leading(sums, SHARES_MOST)
    parts = [Share(name, one.counted) for name, one in first.items()]
    if rest is not None:
        parts.append(Share("others", rest.counted))
    parts = [one for one in parts if one.micros]
    return shares(parts, title=f"{title}: spent or held", key=key) if parts else None


def breakdown_table(
    heading: str, sums: Mapping[str, Totals], *, coloured: bool = False, brief: bool = False
) -> Html:
    """Return sums as a table.

    Args:
        heading: what the sums are by.
        sums: by name, dearest first.
        coloured: each has the colour it has in the bar of shares.
        brief: only as many rows as have a colour of their own, and no evidence.
    """
    if not sums:
        return tag("p", "Nothing was bought.", class_="quiet")
    shown, rest = leading(sums, SHARES_MOST if brief else ROWS_MOST)
    whole = sum(one.counted for one in sums.values())
    places = (
        decimals_of(one.settled for one in sums.values()),
        decimals_of(one.held for one in sums.values()),
    )
    rows = [
        _row(name, one, whole, places, swatch(number) if coloured and one.counted else None, brief)
        for number, (name, one) in enumerate(shown.items())
    ]
    if rest is not None:
        mark = swatch(SHARES_MOST) if brief and coloured else None
        rows.append(_row(f"{len(sums) - len(shown)} others", rest, whole, places, mark, brief))
    heads = [tag("th", heading, scope="col")]
    heads += [tag("th", text, scope="col", class_="number") for text in (_BRIEF if brief else _ALL)]
    table = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *rows))
    return tag("div", table, class_="table", tabindex=0, role="group", aria_label=f"By {heading}")


def _row(
    name: str,
    one: Totals,
    whole: int,
    places: tuple[int, int],
    mark: Html | None,
    brief: bool,
) -> Html:
    numbers = {
        "spent": money(one.settled, places[0]),
        "held": money(one.held, places[1]) if one.held else "-",
        "share": percent(one.counted, whole),
        "verified": percent(one.verified, one.settled) if one.settled else "-",
        "bought": str(one.settled_count),
    }
    head = tag("th", mark, foreign(name, NAME_CHARS) or "-", scope="row", class_="name")
    shown = _BRIEF if brief else _ALL
    return tag("tr", head, *(tag("td", numbers[text], class_="number") for text in shown))


def _foot() -> Html:
    return tag(
        "p",
        "A purchase counts on the UTC day on which it was made. Held money is set aside before "
        "anything is signed; it is spent or freed once the outcome is proven, or its channel has "
        "ended. What a limit or a seller refused leaves no purchase behind, so it is not counted.",
        class_="quiet small",
    )


def _style() -> str:
    folder = files("server.pages").joinpath("static")
    names = ("pages.css", "charts.css", "report.css")
    texts = [folder.joinpath(name).read_text(encoding="utf-8") for name in names]
    return join(Html(text) for text in ("\n", *texts, _PRINT))
