"""Extraction on the corpus: Purser's reading against trafilatura alone, page by page.

    uv run python benchmarks/extraction.py [--all]

F1, precision and recall are of words (`sandbox/corpus/scoring.py` says which). Both read the same
decoded page. Exits 1 when Purser is worse on the whole, crashes, or loses a table.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import trafilatura

from sandbox.corpus import documents
from sandbox.corpus.scoring import Score, lost_tables, score, tables_of
from tools.reading.content import render
from tools.reading.html_page import html_to_text
from tools.web.charset import decode

URL = "https://corpus.example/shelf/page.html"
RUNS = 5


def ours(page: str) -> str:
    return html_to_text(page, URL, "markdown")


def alone(page: str) -> str:
    found = trafilatura.extract(
        page, url=URL, include_tables=True, include_links=True, include_comments=False,
        output_format="markdown",
    )  # fmt: skip
    return found or ""


def timed_ms(read: Callable[[str], str], page: str) -> tuple[str, float]:
    times: list[float] = []
    text = ""
    for _ in range(RUNS):
        started = time.perf_counter()
        text = read(page)
        times.append((time.perf_counter() - started) * 1000)
    return text, min(times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="a row for each page")
    show_all = parser.parse_args().all
    scores: dict[str, list[Score]] = {"Purser": [], "trafilatura alone": []}
    lost, times_ms = dict.fromkeys(scores, 0), {name: list[float]() for name in scores}
    tables = 0
    pages = [one for one in documents() if one.main_html is not None]
    for document in pages:
        page = decode(document.body, document.content_type, is_html=True)
        markup = document.main_html or ""
        tables += len(tables_of(markup))
        row = f"{document.name:28}"
        for name, read in (("Purser", ours), ("trafilatura alone", alone)):
            text, took_ms = timed_ms(read, page)
            one = score(text, document.gold)
            gone = lost_tables(text, markup)
            scores[name].append(one)
            times_ms[name].append(took_ms)
            lost[name] += gone
            row += f"  {one.f1:5} ({one.precision:4}/{one.recall:4}) {'*' * gone}"
        if show_all:
            print(row)
    for document in documents():
        render(document.body, document.content_type, URL)
    print(f"{len(documents())} documents, {len(pages)} of them HTML with {tables} tables")
    for name, found in scores.items():
        f1, precision, recall = (
            statistics.mean(getattr(one, field) for one in found) / 1000
            for field in ("f1", "precision", "recall")
        )
        print(
            f"{name:18} F1 {f1:.3f}  precision {precision:.3f}  recall {recall:.3f}  "
            f"lost tables {lost[name]}  median {statistics.median(times_ms[name]):.1f} ms"
        )
    better = sum(one.f1 for one in scores["Purser"]) >= sum(
        one.f1 for one in scores["trafilatura alone"]
    )
    return 0 if better and lost["Purser"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
