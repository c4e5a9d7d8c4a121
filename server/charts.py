"""Charts as SVG: bars over time, shares of a whole, and gauges of a limit; pure, without script.

Amounts are whole micro-USD, and places whole pixels. What a chart looks like is in `charts.css`
alone, by classes, so that it follows a light or dark page and prints. What was spent is solid and
what is only held is hatched, so that no meaning rests on a colour; each part has its name and
amount as a `title`, and each chart a title and a description for who cannot see it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from server.pages.markup import Html, foreign, tag
from wallet.money import Usd

NAME_CHARS = 60
COLOURS = 6
"""So many parts of a whole have a colour of their own; the rest share a seventh."""

TIGHT_PERCENT = 80
"""A limit that is used up to here is shown as nearly used."""

_WIDTH, _HEIGHT = 720, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 8, 12, 28
_TICKS_MOST = 4
_LABELS_MOST = 8
_ARC = 1_000
_SHARES_WIDTH = 720


@dataclass(frozen=True, slots=True)
class Bar:
    """One column: what stands below it, what it is called, what was spent and what is held."""

    label: str
    name: str
    spent: int
    held: int


@dataclass(frozen=True, slots=True)
class Share:
    """One part of a whole, such as a host."""

    name: str
    micros: int


def money(micros: int, decimals: int = 2) -> str:
    """Write an amount with its sign, `$0.01`, and at least so many decimals."""
    whole, _, fraction = str(Usd(micros)).partition(".")
    return f"${whole}.{fraction.ljust(decimals, '0')}"


def decimals_of(amounts: Iterable[int]) -> int:
    """Return how many decimals a column of amounts needs for their points to stand in line."""
    return max((len(str(Usd(one)).partition(".")[2]) for one in amounts), default=2)


def bars(columns: Sequence[Bar], *, title: str, described: str, key: str) -> Html:
    """Return spending over time as columns, with a scale.

    Args:
        columns: in order of time.
        title: what the chart shows.
        described: the same in a sentence, for who cannot see it.
        key: begins each id, and is another one for each chart of a page.
    """
    step, top = _scale(max((one.spent + one.held for one in columns), default=0))
    ticks = [step * number for number in range(top // step + 1)]
    decimals = decimals_of(ticks)
    room = _WIDTH - _LEFT - _RIGHT
    slot = room // max(len(columns), 1)
    return _figure(
        (_WIDTH, _HEIGHT),
        title,
        described,
        key,
        _hatch(f"{key}-hatch"),
        *(_tick(one, top, decimals) for one in ticks),
        *(
            _column(one, _LEFT + room * index // len(columns), slot, top, f"{key}-hatch")
            for index, one in enumerate(columns)
        ),
        *_below(columns, room, slot),
    )


def gauge(*, spent: int, held: int, limit: int | None, title: str, key: str) -> Html:
    """Return how much of a limit is used, as an arc; None is no limit."""
    used = spent + held
    if limit is None:
        head, foot = money(used), "used, no limit"
    else:
        head, foot = money(max(0, limit - used)), f"left of {money(limit)}"
    parts = [
        tag("path", class_="arc-track" if limit else "arc-track arc-open", d=_ARC_PATH),
        _arc("arc-held", used, limit),
        _arc("arc-spent", spent, limit),
        tag("text", head, class_="arc-head", x=110, y=90, text_anchor="middle"),
        tag("text", foot, class_="arc-foot", x=110, y=112, text_anchor="middle"),
    ]
    described = f"{money(spent)} spent, {money(held)} held"
    described += ", no limit" if limit is None else f", {money(limit)} allowed"
    kind = "gauge tight" if limit is not None and is_tight(used, limit) else "gauge"
    return _figure((220, 124), title, described, key, *parts, class_=kind)


def meter(*, spent: int, held: int, limit: int | None, title: str, key: str) -> Html:
    """Return how much of a limit is used, as a narrow bar; None is no limit."""
    whole = max(limit if limit is not None else spent + held, 1)
    full = _SHARES_WIDTH * min(spent + held, whole) // whole
    solid = _SHARES_WIDTH * min(spent, whole) // whole
    tall = {"y": 0, "height": 10}
    parts = [
        tag("rect", class_="track", x=0, width=_SHARES_WIDTH, **tall),
        _hatch(f"{key}-hatch"),
        tag("rect", class_="held-ground", x=solid, width=full - solid, **tall),
        tag("rect", fill=f"url(#{key}-hatch)", x=solid, width=full - solid, **tall),
        tag("rect", class_="spent", x=0, width=solid, **tall),
    ]
    described = f"{money(spent)} spent, {money(held)} held"
    described += "" if limit is None else f", {money(limit)} allowed"
    kind = "meter tight" if limit is not None and is_tight(spent + held, limit) else "meter"
    size = (_SHARES_WIDTH, 10)
    return _figure(size, title, described, key, *parts, class_=kind, stretched=True)


def is_tight(used: int, limit: int) -> bool:
    """Tell whether a limit is nearly or wholly used."""
    return used * 100 >= limit * TIGHT_PERCENT


def shares(parts: Sequence[Share], *, title: str, key: str) -> Html:
    """Return parts of a whole, side by side in one bar; the colours go by their order."""
    whole = sum(one.micros for one in parts)
    drawn: list[Html] = []
    before = 0
    for number, one in enumerate(parts):
        start = _SHARES_WIDTH * before // max(whole, 1)
        before += one.micros
        width = _SHARES_WIDTH * before // max(whole, 1) - start
        said = f"{foreign(one.name, NAME_CHARS)}: {money(one.micros)}, {percent(one.micros, whole)}"
        drawn.append(
            tag(
                "rect",
                tag("title", said),
                class_=colour(number),
                x=start,
                y=0,
                width=max(width - 2, 1),
                height=26,
            )
        )
    described = "; ".join(
        f"{foreign(one.name, NAME_CHARS)} {percent(one.micros, whole)}" for one in parts
    )
    return _figure(
        (_SHARES_WIDTH, 26), title, described, key, *drawn, class_="shares", stretched=True
    )


def colour(number: int) -> str:
    """Return the class that gives the part of this number, from 0, its colour."""
    return f"part part-{number}" if number < COLOURS else "part part-rest"


def swatch(number: int) -> Html:
    """Return a small square in the colour of a part, to stand beside its name."""
    square = tag("rect", class_=colour(number), width=12, height=12, rx=3)
    return tag("svg", square, class_="swatch", viewBox="0 0 12 12", aria_hidden="true")


def percent(micros: int, whole: int) -> str:
    """Write a share as a percentage with one decimal; anything above nothing shows."""
    if whole <= 0:
        return "0%"
    tenths = micros * 1000 // whole
    if micros and not tenths:
        return "under 0.1%"
    return f"{tenths // 10}.{tenths % 10}%"


def _figure(
    size: tuple[int, int],
    title: str,
    described: str,
    key: str,
    *parts: Html | None,
    class_: str = "bars",
    stretched: bool = False,
) -> Html:
    width, height = size
    return tag(
        "svg",
        tag("title", title, id=f"{key}-title"),
        tag("desc", described, id=f"{key}-desc"),
        *parts,
        class_=f"chart {class_}",
        viewBox=f"0 0 {width} {height}",
        preserveAspectRatio="none" if stretched else None,
        role="img",
        aria_labelledby=f"{key}-title {key}-desc",
        xmlns="http://www.w3.org/2000/svg",
    )


def _scale(most: int) -> tuple[int, int]:
    """Return the step between ticks, 1, 2 or 5 times a power of ten, and the top of the scale."""
    step = 10_000
    while most and step > 1 and most <= step * _TICKS_MOST // 10:
        step //= 10
    for factor in (2, 5, 2) * 15:
        if step * _TICKS_MOST >= most:
            break
        step = step // 2 * 5 if factor == 5 else step * 2
    return step, max(step, -(-most // step) * step)


def _height(micros: int, top: int) -> int:
    """Return the pixels of an amount: at least two for anything above nothing."""
    return max(2, (_HEIGHT - _TOP - _BOTTOM) * micros // top) if micros else 0


def _tick(micros: int, top: int, decimals: int) -> Html:
    y = _HEIGHT - _BOTTOM - _height(micros, top)
    line = tag("line", class_="grid", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y)
    said = money(micros, decimals)
    text = tag("text", said, class_="scale", x=_LEFT - 8, y=y + 4, text_anchor="end")
    return tag("g", line, text, aria_hidden="true")


def _column(one: Bar, x: int, slot: int, top: int, hatch: str) -> Html:
    base, gap = _HEIGHT - _BOTTOM, min(slot // 4, 8)
    width = max(slot - gap, 1)
    spent, held = _height(one.spent, top), _height(one.held, top)
    said = f"{one.name}: {money(one.spent)} spent"
    if one.held:
        said += f", {money(one.held)} held"
    across = {"x": x + gap // 2, "width": width}
    rounded = 3 if width >= 8 else 0
    hold = {"y": base - spent - held, "height": held, "rx": rounded, **across}
    return tag(
        "g",
        tag("title", said),
        tag("rect", class_="hit", x=x, y=_TOP, width=slot, height=base - _TOP),
        tag("rect", class_="spent", y=base - spent, height=spent, rx=rounded, **across)
        if spent
        else None,
        tag("rect", class_="held-ground", **hold) if held else None,
        tag("rect", class_="held", fill=f"url(#{hatch})", **hold) if held else None,
        class_="column",
    )


def _below(columns: Sequence[Bar], room: int, slot: int) -> list[Html]:
    """Return the labels under the columns, as many as have room, the last one among them."""
    every = -(-len(columns) // _LABELS_MOST) if columns else 1
    return [
        tag(
            "text",
            one.label,
            class_="scale",
            x=_LEFT + room * index // len(columns) + slot // 2,
            y=_HEIGHT - 6,
            text_anchor="middle",
            aria_hidden="true",
        )
        for index, one in enumerate(columns)
        if (len(columns) - 1 - index) % every == 0
    ]


def _hatch(name: str) -> Html:
    stripe = tag("line", class_="stripe", x1=0, y1=0, x2=0, y2=6)
    pattern = tag(
        "pattern",
        stripe,
        id=name,
        width=6,
        height=6,
        patternUnits="userSpaceOnUse",
        patternTransform="rotate(45)",
    )
    return tag("defs", pattern)


_ARC_PATH = "M 22 110 A 88 88 0 0 1 198 110"


def _arc(name: str, micros: int, limit: int | None) -> Html | None:
    if not micros or limit is None:
        return None
    part = min(_ARC, max(8, _ARC * micros // max(limit, 1)))
    return tag(
        "path", class_=name, d=_ARC_PATH, pathLength=_ARC, stroke_dasharray=f"{part} {2 * _ARC}"
    )
