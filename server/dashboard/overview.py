"""The first page: what is left of each limit, where the money went, and what is still open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from server.charts import bars, gauge, is_tight, meter, money
from server.commands.channels import channel_row
from server.commands.common import dollars
from server.commands.launcher import wallet_command
from server.dashboard.reading import DAYS, Overview
from server.dashboard.tables import (
    HOST_CHARS,
    URL_CHARS,
    card,
    chip,
    empty_card,
    moment,
    navigation,
    price,
    receipt_path,
    receipts_table,
    table,
    with_query,
)
from server.pages.layout import page
from server.pages.markup import Html, foreign, join, tag
from server.reports.as_html import breakdown_table, key_of_bars, share_bar
from server.reports.report import columns
from wallet.approvals import Approval
from wallet.channels.model import NO_END, Channel
from wallet.limits import CapStatus
from wallet.model import Purchase
from wallet.money_words import DEPOSITED, LEFT, OPEN_PAYMENTS, SPENT
from wallet.spending import By

if TYPE_CHECKING:
    from starlette.responses import Response

    from server.pages.guard import Visit
    from tools.context import Holding

STYLES = ("charts.css", "report.css", "dashboard.css")
SCRIPTS = ("dashboard.js",)
HOSTS_MOST = 8
ROWS_MOST = 50
CHANNELS_MOST = 100
ID_CHARS = 14  # enough of a channel's id for `purser channel`, which takes the beginning of one
CHANGES_PATH = "/changes"
BALANCES_PATH = "/balances"

_NAMES = {"per_day": "Today", "total": "Ever"}


def overview_page(visit: Visit, seen: Overview) -> Response:
    """Return the first page."""
    body = [
        navigation(visit, "/"),
        live_line(visit, seen.mark, "/"),
        limits(seen),
        _columns(
            _over_time(visit, seen),
            _by_host(seen),
        ),
        pending(seen.status.pending, seen.now),
        open_holds(visit, seen.status.open),
        channels(seen.status.channels[:CHANNELS_MOST]),
        balances_place(visit),
        _recent(visit, seen.recent),
    ]
    return page("Spending", join(body), wide=True, scripts=SCRIPTS, styles=STYLES)


def live_line(visit: Visit, mark: str, here: str) -> Html:
    """Return the line that says whether the page follows the ledger; a script fills it in."""
    reload = tag("a", "Reload", href=visit.path(here))
    told = tag("span", "This page stands still without JavaScript. ", reload, class_="off")
    return tag(
        "p",
        told,
        class_="live quiet small",
        id="live",
        role="status",
        data_changes=visit.path(CHANGES_PATH),
        data_mark=mark,
    )


def _columns(*parts: Html) -> Html:
    return tag("div", *parts, class_="columns")


def limits(seen: Overview) -> Html:
    """Return a gauge for each limit, and a narrow one for each host that was paid today."""
    gauges = [_gauge(cap) for cap in seen.status.caps]
    facts = tag(
        "dl",
        *_fact("One payment", f"at most {dollars(str(seen.status.per_payment))}"),
        *_fact(OPEN_PAYMENTS, str(len(seen.status.open))),
        *_fact("Waiting for you", str(len(seen.status.pending))),
        *_fact("Wallet", tag("code", seen.status.address or "not known while the key is locked")),
        class_="facts narrow",
    )
    row = tag("div", *gauges, tag("div", facts, class_="gauge-facts"), class_="gauges")
    return card("What is left", row, _hosts(seen.status.hosts), key="limits")


def _fact(name: str, told: str | Html) -> tuple[Html, Html]:
    return tag("dt", name), tag("dd", told)


def _gauge(cap: CapStatus) -> Html:
    name = _NAMES.get(cap.name, cap.name)
    limit = None if cap.limit is None else cap.limit.micros
    spent, held = cap.settled.micros, cap.held.micros
    drawn = gauge(spent=spent, held=held, limit=limit, title=name, key=f"gauge-{cap.name}")
    under = f"{money(spent)} spent, {money(held)} held"
    warned = None
    if limit is not None and is_tight(spent + held, limit):
        word = "used up" if spent + held >= limit else "nearly used"
        warned = tag("span", word, class_="chip chip-warn")
    caption = tag(
        "figcaption", tag("strong", name), " ", warned, tag("span", under, class_="quiet")
    )
    return tag("figure", drawn, caption)


def _hosts(hosts: Sequence[tuple[str, CapStatus]]) -> Html | None:
    """Return the hosts that were paid today, those with least left first."""
    if not hosts:
        return None
    ranked = sorted(hosts, key=lambda one: (_used(one[1]) * -1, one[0]))
    rows = [_host(name, cap, number) for number, (name, cap) in enumerate(ranked[:HOSTS_MOST])]
    more = len(ranked) - len(rows)
    note = tag("p", f"and {more} more hosts", class_="quiet small") if more else None
    return tag("div", tag("h3", "Hosts today"), tag("ul", *rows, class_="hosts"), note)


def _used(cap: CapStatus) -> int:
    return cap.settled.micros + cap.held.micros


def _host(name: str, cap: CapStatus, number: int) -> Html:
    limit = None if cap.limit is None else cap.limit.micros
    shown = foreign(name, HOST_CHARS)
    used = money(_used(cap))
    told = used if limit is None else f"{used} of {money(limit)}"
    drawn = meter(
        spent=cap.settled.micros,
        held=cap.held.micros,
        limit=limit,
        title=shown,
        key=f"host-{number}",
    )
    return tag(
        "li",
        tag("span", shown, class_="host"),
        tag("span", told, class_="number small"),
        drawn,
    )


def _over_time(visit: Visit, seen: Overview) -> Html:
    chosen = len(seen.report.period.days)
    tabs = [
        tag(
            "a",
            f"{days} days",
            href=visit.path(with_query("/", days=days)),
            aria_current="true" if days == chosen else None,
        )
        for days in DAYS
    ]
    drawn = columns(seen.report.broken_down(By.DAY))
    sums = seen.report.totals
    said = f"{money(sums.settled)} spent, {money(sums.held)} held over {chosen} days"
    chart = bars(drawn, title="Spending over time", described=said, key="time")
    used = seen.report.used(By.DAY)
    details = tag(
        "details", tag("summary", "The same as a table"), breakdown_table("day", used), id="days"
    )
    head = tag("div", tag("nav", *tabs, class_="tabs", aria_label="Days"), class_="over")
    figure = tag("p", tag("strong", money(sums.settled)), " spent, ", money(sums.held), " held")
    return card("Over time", head, figure, chart, key_of_bars(), details, key="over-time")


def _by_host(seen: Overview) -> Html:
    sums = seen.report.broken_down(By.HOST)
    drawn = share_bar(sums, title="By host", key="shares")
    shown = breakdown_table("host", sums, coloured=True, brief=True)
    return card("By host", drawn, shown, key="by-host")


def pending(waiting: Sequence[Approval], now: int) -> Html:
    """Return what waits for the person's answer, and what to type; nothing here answers it."""
    if not waiting:
        return empty_card("Waiting for you", "Nothing needs your approval.", "pending")
    command = wallet_command()
    rows = [
        (
            dollars(str(one.amount_usd)),
            tag("span", foreign(one.terms.host, HOST_CHARS), class_="host"),
            tag("span", foreign(f"{one.method} {one.url}", URL_CHARS), class_="request"),
            f"{max(0, one.expires_at - now) // 60 + 1} min",
            tag("code", f"{command} approve {one.id}"),
        )
        for one in waiting[:ROWS_MOST]
    ]
    note = (
        "A payment above your limit for silence. To answer, type the command in a terminal; it "
        "shows the terms and asks."
    )
    heads = ("#price", "host", "request", "#ends in", "to approve")
    return card("Waiting for you", table(heads, rows, label="Approvals"), key="pending", note=note)


def open_holds(visit: Visit, held: Sequence[Purchase]) -> Html:
    """Return what is held against the limits, and when it can be free again."""
    if not held:
        return empty_card(OPEN_PAYMENTS, "Every payment's outcome is known.", "holds")
    rows = [
        (
            tag("a", moment(one.created_at), href=visit.path(receipt_path(one.id))),
            price(one),
            chip(one),
            tag("span", foreign(one.host, HOST_CHARS), class_="host"),
            _ends(one),
        )
        for one in held[:ROWS_MOST]
    ]
    note = (
        "Signed, or about to be, and not proven yet. What is held is freed once the chain shows, "
        "after the payment's end, that it was never used."
    )
    heads = ("since (UTC)", "#held", "status", "host", "can be used until (UTC)")
    return card(OPEN_PAYMENTS, table(heads, rows, label=OPEN_PAYMENTS), key="holds", note=note)


def _ends(purchase: Purchase) -> Html | str | None:
    end = None if purchase.transfer is None else purchase.transfer.valid_before
    return "its channel's end" if end == NO_END else moment(end)


def channels(listed: Sequence[Channel]) -> Html:
    """Return the open payment channels."""
    if not listed:
        return empty_card("Payment channels", "None is open.", "channels")
    made: list[tuple[Html | str, ...]] = []
    for one in listed[:ROWS_MOST]:
        row = channel_row(one)
        made.append(
            (
                tag("span", foreign(row["seller"], HOST_CHARS), class_="host"),
                row["state"],
                dollars(row["deposited_usd"]),
                dollars(row["spent_usd"]),
                dollars(row["left_usd"]),
                row["evidence"],
                tag("code", row["id"][:ID_CHARS], title=row["id"]),
            )
        )
    heads = (
        "seller",
        "state",
        f"#{DEPOSITED.word}",
        f"#{SPENT.word}",
        f"#{LEFT.word}",
        "deposit",
        "id",
    )
    return card("Payment channels", table(heads, made, label="Channels"), key="channels")


def balances_place(visit: Visit) -> Html:
    """Return where the wallet's holdings go, which take a moment to ask the chains for."""
    link = tag("a", "Ask the chains", href=visit.path(BALANCES_PATH))
    return tag(
        "section",
        tag("h2", "On the chain"),
        tag("p", link, class_="quiet"),
        class_="card",
        id="balances",
        data_load=visit.path(BALANCES_PATH),
    )


def balances_page(visit: Visit, holdings: tuple[Holding, ...] | None) -> Response:
    """Return what the wallet holds; what cannot be read is unknown, and never nothing."""
    if holdings is None:
        told: Html = tag("p", "Unknown: the wallet's address is not known while its key is locked.")
    else:
        rows = [
            (one.network, one.symbol, one.amount or "unknown", one.reason or "") for one in holdings
        ]
        told = table(("network", "token", "#balance", "note"), rows, label="Balances")
    section = tag("section", tag("h2", "On the chain"), told, class_="card", id="balances")
    return page("Balances", navigation(visit, ""), section, wide=True, styles=STYLES)


def _recent(visit: Visit, recent: Sequence[Purchase]) -> Html:
    more = tag("p", tag("a", "All receipts", href=visit.path("/receipts")))
    shown = receipts_table(visit, recent, label="Recent receipts")
    return card("Recent receipts", shown, more, key="recent")
