"""The transcript of a demo, as README.md shows it."""

from __future__ import annotations

from typing import Any

from server.commands.demo import NAME_COLUMNS, Chapter, outcome


def transcript(story: dict[str, Any]) -> str:
    """Return the paid and the refused call of a `purser demo --json` story.

    Only the first line of the page's text is shown; the rest stands as `[...]`.
    """
    chapters: list[dict[str, Any]] = story["chapters"]
    paid = next(one for one in chapters if one["payments_seen"])
    refused = next(one for one in chapters if one["error"])
    opening, title, *_, end, footer = paid["text"].splitlines()
    told: list[str] = []
    for one, shown in (
        (paid, [opening, title, "[...]", end, footer]),
        (refused, refused["text"].splitlines()),
    ):
        facts = [("model calls", one["call"]), *outcome(Chapter(**one))]
        call, *came = [f"{name:{NAME_COLUMNS}} {value}" for name, value in facts]
        told.append("\n".join([call, *(f"  {line}" for line in shown), *came]))
    return "```text\n" + "\n\n".join(told) + "\n```"
