"""Fuzz one target with coverage as the guide, or all of them in turn.

    uv run --with atheris python tests/fuzz/guided.py challenge --seconds 60

Needs atheris, which has no wheels for every platform and is therefore no dependency. An input
that breaks a property is saved under `tests/fuzz/corpus/TARGET/`, where the test suite replays it.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

SLOWEST_INPUT_S = 10
MEMORY_LIMIT_MB = 2048
LONGEST_INPUT_BYTES = 16 * 1024


def main() -> int:
    """Parse the command line and fuzz; 0 when nothing was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("target", help="a target's name; `all`; or `list` to see them")
    parser.add_argument("--seconds", type=int, default=60, help="how long, for each target")
    parser.add_argument("--keep", type=Path, help="a folder for the inputs that reach new code")
    chosen = parser.parse_args()
    if chosen.target in ("list", "all"):
        from targets import TARGETS

        if chosen.target == "all":
            return max(_in_a_process(name, chosen.seconds) for name in TARGETS)
        print("\n".join(TARGETS))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        _fuzz(chosen.target, chosen.seconds, chosen.keep or Path(folder) / "work")
    return 0


def _in_a_process(name: str, seconds: int) -> int:
    """Fuzz one target in a process of its own: libFuzzer ends the process it runs in."""
    command = [sys.executable, __file__, name, "--seconds", str(seconds)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    stats = dict(
        line.removeprefix("stat::").split(": ", 1)
        for line in ran.stderr.splitlines()
        if line.startswith("stat::")
    )
    runs = stats.get("number_of_executed_units", "?").strip()
    print(f"{name:20} {runs:>10} runs  {'ok' if ran.returncode == 0 else 'FOUND'}", flush=True)
    if ran.returncode != 0:
        print(ran.stderr[-3000:], flush=True)
    return int(ran.returncode != 0)


def _fuzz(name: str, seconds: int, work: Path) -> None:
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["wallet", "tools"]):
        from targets import CORPUS, TARGETS
    if name not in TARGETS:
        sys.exit(f"no such target; there are: {', '.join(TARGETS)}")
    target, saved = TARGETS[name], CORPUS / name
    saved.mkdir(parents=True, exist_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (work / f"seed-{number}").write_bytes(seed)
    with tempfile.TemporaryDirectory() as folder:
        words = Path(folder) / "words.dict"
        words.write_text("".join(f"{_quoted(word)}\n" for word in target.words), encoding="ascii")
        arguments = [
            sys.argv[0],
            str(work),
            str(saved),
            f"-artifact_prefix={saved}/",
            f"-max_total_time={seconds}",
            f"-timeout={SLOWEST_INPUT_S}",
            f"-rss_limit_mb={MEMORY_LIMIT_MB}",
            f"-max_len={LONGEST_INPUT_BYTES}",
            "-print_final_stats=1",
            *([f"-dict={words}"] if target.words else []),
        ]
        atheris.Setup(arguments, target.run)
        atheris.Fuzz()


def _quoted(word: str) -> str:
    """Write a dictionary entry of libFuzzer: what is not plain ASCII becomes \\xAB."""
    plain = (
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\x{byte:02X}"
        for byte in word.encode()
    )
    return f'"{"".join(plain)}"'


if __name__ == "__main__":
    sys.exit(main())
