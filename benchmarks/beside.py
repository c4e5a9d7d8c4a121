"""A sandbox in a process of its own, so that its work is not in what a benchmark measures."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_PROGRAM = """
import json, sys, time
from sandbox.run import Sandbox
with Sandbox() as sandbox:
    print(json.dumps({"seller_url": sandbox.seller_url, "private_key": sandbox.buyer_key,
                      "address": sandbox.buyer_address, "rpc_url": sandbox.rpc_url,
                      "config_toml": sandbox.config_toml()}), flush=True)
    for _ in sys.stdin:
        seen = sandbox.seen_payment_headers
        print(json.dumps([len(seen), len(set(seen)), sandbox.chain.transfer_count(),
                          sandbox.chain.balance_atomic(sandbox.seller_address),
                          time.process_time_ns()]), flush=True)
"""


class SandboxBeside:
    """The sandbox's process, and what it told at its start: addresses, key and settings."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.told: dict[str, Any] = self._line()

    def counts(self) -> list[int]:
        """Return payments seen, different ones, transfers, the seller's atomic balance, CPU ns."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@contextmanager
def sandbox_beside() -> Generator[SandboxBeside]:
    """Run a sandbox for as long as the block does."""
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdin is not None
        try:
            yield SandboxBeside(process)
        finally:
            process.stdin.close()
