"""Write the vectors: each case, and what the wallet does with it.

`uv run python tests/vectors/make_vectors.py` after a change that is meant to change them; the diff
shows what changed. `test_vectors.py` checks every digest against the official packages as well.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
if __name__ == "__main__":
    sys.path[:0] = [str(HERE.parent.parent), str(HERE)]

import channel_cases  # noqa: E402
import mpp_cases  # noqa: E402
import x402_cases  # noqa: E402
from conversation_replay import replay_conversation  # noqa: E402
from official_digest import described  # noqa: E402
from vector_given import Case  # noqa: E402
from vector_replay import replay  # noqa: E402

CASES: dict[str, Case] = {**x402_cases.CASES, **mpp_cases.CASES, **channel_cases.CASES}
FORMATS = {1: replay, 2: replay_conversation}


async def expected_of(case: Case) -> dict[str, Any]:
    """Return what the wallet does with a case, and what the official packages sign.

    Raises:
        ValueError: what is given is not of the case's format.
    """
    return described(await FORMATS[case.format](case.given))


async def expected_of_all(cases: Mapping[str, Case]) -> dict[str, dict[str, Any] | BaseException]:
    """Replay many cases side by side, since most of the time goes into waiting for the disk.

    What went wrong stands in the place of what was to be returned.
    """
    replays = (expected_of(case) for case in cases.values())
    found = await asyncio.gather(*replays, return_exceptions=True)
    return dict(zip(cases, found, strict=True))


def vector(name: str, case: Case, expected: dict[str, Any]) -> dict[str, Any]:
    """Return one vector whole, as its file has it."""
    return {
        "format": case.format,
        "name": name,
        "about": case.about,
        "given": case.given,
        "expected": expected,
    }


def main() -> int:
    """Write every file anew."""
    for name, expected in asyncio.run(expected_of_all(CASES)).items():
        if isinstance(expected, BaseException):
            raise expected
        whole = vector(name, CASES[name], expected)
        text = json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
        (HERE / f"{name}.json").write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(CASES)} vectors written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
