"""Time from process start to an answered `initialize`: a bare MCPServer against `purser serve`."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARE = """
from mcp.server.mcpserver import MCPServer
server = MCPServer("bare")
@server.tool()
def add(a: int, b: int) -> int:
    "Add two numbers."
    return a + b
server.run("stdio")
"""
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "benchmark", "version": "1"},
    },
}


def measure(command: list[str], env: dict[str, str]) -> float:
    """Start a server, ask it to initialize, and return the milliseconds until it answered."""
    begin = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(INITIALIZE).encode() + b"\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        took_ms = (time.perf_counter() - begin) * 1000
        assert answer["id"] == 1
        assert "result" in answer
        process.stdin.close()
        process.wait(30)
    return took_ms


def main() -> None:
    """Run both in turn and print medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=21)
    runs: int = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as home:
        env = {k: v for k, v in os.environ.items() if not k.startswith("PURSER_")}
        env |= {"PURSER_HOME": home, "PURSER_WALLET__KEY": "env"}
        env["PURSER_PRIVATE_KEY"] = "0x" + "11" * 32
        bare_file = Path(home) / "bare.py"
        bare_file.write_text(BARE, encoding="utf-8")
        bare = [sys.executable, "-P", str(bare_file)]
        ours = [sys.executable, "-P", "-m", "purser_mcp", "serve"]
        for command in (bare, ours):
            measure(command, env)  # warm the file cache and the bytecode
        pairs = [(measure(bare, env), measure(ours, env)) for _ in range(runs)]
    bare_ms, ours_ms = ([pair[which] for pair in pairs] for which in (0, 1))
    ratios = [b / a for a, b in pairs]
    print(f"{runs} pairs, milliseconds from process start to the answer of initialize")
    for name, values in (("bare MCPServer", bare_ms), ("purser serve", ours_ms)):
        low, middle, high = min(values), statistics.median(values), max(values)
        print(f"  {name:15} min {low:7.1f}  median {middle:7.1f}  max {high:7.1f}")
    print(f"  ratio of medians {statistics.median(ours_ms) / statistics.median(bare_ms):.3f}")
    print(f"  median of the pairs' ratios {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main()
