"""How long the dashboard's pages take over many receipts, and how large they are.

`uv run python benchmarks/dashboard.py --receipts 10000`
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

import anyio

ROOT = Path(__file__).resolve().parent.parent
PATHS = ("/", "/?days=90", "/receipts", "/receipts?text=page/77", "/receipts.csv", "/receipts.json")
ROUNDS = 5


def multiply(path: Path, wanted: int) -> None:
    """Copy the purchases of a ledger under new ids until there are so many; budgets stay."""
    with closing(sqlite3.connect(path)) as connection:
        columns: list[str] = [
            str(row[1]) for row in connection.execute("PRAGMA table_info(purchases)")
        ]
        (have,) = connection.execute("SELECT count(*) FROM purchases").fetchone()
        fresh: dict[str, str] = {
            "id": "id || '-' || :n",
            "key": "key || :n",
            "nonce": "nonce || :n",
        }
        values = ", ".join(fresh.get(name, name) for name in columns)
        for number in range(1, -(-wanted // have)):
            connection.execute(
                f"INSERT INTO purchases ({', '.join(columns)}) SELECT {values} FROM purchases "
                "WHERE id NOT LIKE '%-%-%-%-%-%' AND state IN ('settled', 'void')",
                {"n": number},
            )
        connection.commit()


async def measure(home: Path) -> None:
    from tests.dashboard.dashboard_site import site

    async with site(home) as served:
        for path in PATHS:
            took: list[int] = []
            size = 0
            for _ in range(ROUNDS):
                began = time.perf_counter_ns()
                size = len(await served.get(path))
                took.append((time.perf_counter_ns() - began) // 1_000_000)
            print(f"{path:<28}{sorted(took)[ROUNDS // 2]:>6} ms{size:>10} bytes")


def main() -> None:
    import sys

    sys.path.insert(0, str(ROOT))
    from tests.dashboard.dashboard_site import lived

    parser = argparse.ArgumentParser()
    parser.add_argument("--receipts", type=int, default=10_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        lived(home / "ledger.sqlite3")
        multiply(home / "ledger.sqlite3", args.receipts)
        anyio.run(measure, home)


if __name__ == "__main__":
    main()
