"""Put services in order: by the words they share with the query, and a little by who pays them.

The words are weighed as BM25 weighs them: rare ones count more, a repeated one soon counts no
more, and long texts count less. Payers come second and are capped: the most popular service gets a
quarter more than one nobody pays, however many payers its directory claims. Calls do not count at
all, since a seller can call itself.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from tools.directories.entries import Entry
from wallet.money import Usd

K1 = 1.2
B = 0.75
PAYERS_SHARE = 0.25
PAYERS_ENOUGH = 1_000
"""From so many unique payers on, more change nothing."""
SEARCH_SHARE = 0.1
"""What it counts that a directory's own search found an entry, whatever its words are."""
AT_MOST_ALIKE = 3
"""So many of one host, or of one payee, come before the others have had their turn."""

_WEIGHTS = {"name": 3, "tags": 2, "path": 2, "description": 1}
_WORD = re.compile(r"[^\W_]+")
_QUERY_WORDS = 20
_LONGEST_STEM = 24


@dataclass(frozen=True, slots=True)
class Ranked:
    """An entry with its lowest price and its payee, and its score in millionths."""

    entry: Entry
    price: Usd | None
    score_millionths: int


def rank(
    entries: Sequence[Entry], query: str, price: Callable[[Entry], Usd | None]
) -> list[Ranked]:
    """Return the entries that match, best first; the same input always gives the same order.

    Equal scores go to the cheaper one, then to the one without a price, then by URL.
    """
    wanted = list(dict.fromkeys(words(query)))[:_QUERY_WORDS]
    documents = [_weighted(one) for one in entries]
    lengths = [sum(found.values()) for found in documents]
    mean = sum(lengths) / len(lengths) if lengths and sum(lengths) else 1
    rarity = {word: _rarity(word, documents) for word in wanted}
    ranked: list[Ranked] = []
    for entry, found, length in zip(entries, documents, lengths, strict=True):
        score = sum(
            rarity[word] * found[word] * (K1 + 1) / (found[word] + K1 * (1 - B + B * length / mean))
            for word in wanted
            if found[word]
        )
        if entry.from_search:
            score += SEARCH_SHARE / (1 + entry.position)
        if score > 0:
            score *= 1 + PAYERS_SHARE * popularity(entry.quality.unique_payers)
            ranked.append(Ranked(entry, price(entry), round(score * 1_000_000)))
    return sorted(ranked, key=_order)


def popularity(payers: int | None) -> float:
    """Return 0 for no payer, 1 for a thousand and more, and what lies between by its logarithm."""
    return math.log1p(min(payers or 0, PAYERS_ENOUGH)) / math.log1p(PAYERS_ENOUGH)


def spread(ranked: Sequence[Ranked], payee: Callable[[Entry], str | None]) -> list[Ranked]:
    """Move what comes after the third of one host, or of one payee, behind the rest."""
    seen: Counter[str] = Counter()
    first: list[Ranked] = []
    later: list[Ranked] = []
    for one in ranked:
        host = urlsplit(one.entry.url).hostname or ""
        keys = [f"host {host}", *(f"payee {to}" for to in [payee(one.entry)] if to)]
        crowded = any(seen[key] >= AT_MOST_ALIKE for key in keys)
        (later if crowded else first).append(one)
        seen.update([] if crowded else keys)
    return first + later


def words(text: str) -> list[str]:
    """Return a text's words in lower case, without a plural's s."""
    found = [word[:_LONGEST_STEM] for word in _WORD.findall(text.lower())]
    return [
        word[:-1] if len(word) > 3 and word[-1] == "s" and word[-2] != "s" else word
        for word in found
    ]


def _weighted(entry: Entry) -> Counter[str]:
    parts = urlsplit(entry.url)
    fields: Mapping[str, str] = {
        "name": f"{entry.name} {entry.tool or ''}",
        "tags": " ".join(entry.tags),
        "path": f"{parts.hostname or ''} {unquote(parts.path)}",
        "description": entry.description,
    }
    counts: Counter[str] = Counter()
    for field, weight in _WEIGHTS.items():
        for word in words(fields[field]):
            counts[word] += weight
    return counts


def _rarity(word: str, documents: Sequence[Counter[str]]) -> float:
    having = sum(1 for found in documents if word in found)
    return math.log(1 + (len(documents) - having + 0.5) / (having + 0.5))


def _order(one: Ranked) -> tuple[int, bool, int, str, str, str]:
    micros = 0 if one.price is None else one.price.micros
    entry = one.entry
    return (
        -one.score_millionths,
        one.price is None,
        micros,
        entry.url,
        entry.method or "",
        entry.tool or "",
    )
