"""Measure what a hostile server can cost: memory and time of one `purser serve`, attack by attack.

Each attack comes once as the answer to an unpaid request and once as the answer to a payment, to a
server that has read ten ordinary pages of 300 kB. Two limits: the peak of resident memory over what
was resident before the attack, and `fetch.timeout_s` until the answer. Exits 1 when a limit is
broken. Linux only: it reads /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, unquote

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.hostile_attacks import Attack, attacks, challenge_header, head, pay_challenge, whole
from sandbox.run import Sandbox
from tests.end_to_end.hosting import RawServer, raw_server, settle_in

MIB = 2**20
TIMEOUT_S = 5
GRACE_S = 1
GROWTH_MIB = 50
PLENTY = {"per_day": "1000.00", "per_host_per_day": "1000.00", "payments_per_minute": 100_000}


class HostileServer:
    """Serves `/before/NAME` and `/after/NAME`; the latter asks for a payment first."""

    def __init__(self) -> None:
        self.attacks: dict[str, Attack] = attacks()
        self.url = ""

    async def start(self) -> asyncio.Server:
        """Listen on a free port of loopback."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            path = request.split(" ")[1].partition("?")[0]
            await self._answer(path, "payment-signature:" in request.lower(), writer)
            await writer.drain()
        writer.close()

    async def _answer(self, path: str, paid: bool, writer: asyncio.StreamWriter) -> None:
        _, when, name, *_ = path.split("/")
        if when == "redirects":
            lines = (f"Location: /redirects/{int(name) + 1}", "Content-Length: 1000000")
            writer.write(head(*lines, status="302 Found") + bytes(1_000_000))
        elif when == "after" and not paid:
            header = f"PAYMENT-REQUIRED: {challenge_header(pay_challenge())}"
            writer.write(head(header, "Content-Length: 0", status="402 Pay"))
        elif name == "warm":
            page = "<html><body>" + "<p>Some words to warm up with.</p>" * 9_000 + "</body></html>"
            writer.writelines(whole(page.encode(), "text/html"))
        else:
            await self.attacks[unquote(name)](writer)


def memory_mib(pid: int, field: str) -> float:
    """Return a field of /proc/PID/status, such as VmRSS, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024


def reset_peak(pid: int) -> None:
    """Let VmHWM start again from what is resident now (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


async def measure(server: RawServer, url: str) -> tuple[float, float, str]:
    """Return growth in MiB, seconds, and how the call ended."""
    before = memory_mib(server.process.pid, "VmRSS")
    reset_peak(server.process.pid)
    began = time.monotonic()
    result = await server.call("paid_fetch", {"url": url, "max_chars": 1000})
    took_s = time.monotonic() - began
    growth = memory_mib(server.process.pid, "VmHWM") - before
    meta = result.meta or {}
    end = meta["purser/error"]["code"] if result.is_error else meta["purser/receipt"]["status"]
    return growth, took_s, end


async def run(wanted: str) -> bool:
    """Run every attack whose name holds `wanted` and print a table; tell whether all were kept."""
    hostile, kept = HostileServer(), True
    listener = await hostile.start()
    names = [name for name in hostile.attacks if wanted in name]
    paths = [f"/{when}/{quote(name)}" for name in names for when in ("before", "after")]
    with tempfile.TemporaryDirectory() as folder, Sandbox() as sandbox:
        home = settle_in(Path(folder) / "home", sandbox, sellers=[hostile.url], budget=PLENTY)
        with (home / "config.toml").open("a", encoding="utf-8") as config:
            config.write(f"[fetch]\ntimeout_s = {TIMEOUT_S}\n")
        async with raw_server(home) as server:
            await server.initialize()
            for number in range(5):
                for when in ("before", "after"):
                    await server.call("paid_fetch", {"url": f"{hostile.url}/{when}/warm?{number}"})
            baseline = memory_mib(server.process.pid, "VmRSS")
            print(f"a warm server: {baseline:.0f} MiB; limits: +{GROWTH_MIB} MiB, {TIMEOUT_S} s")
            for path in ["/redirects/0", *paths]:
                growth, took_s, end = await measure(server, hostile.url + path)
                limit_s = TIMEOUT_S + GRACE_S
                fine = growth < GROWTH_MIB and took_s <= limit_s
                kept = kept and fine
                print(
                    f"  {unquote(path)[1:]:38} {growth:+7.1f} MiB {took_s:6.2f} s  {end}"
                    f"{'' if fine else '  BROKEN'}",
                    flush=True,
                )
            kept_mib = memory_mib(server.process.pid, "VmRSS") - baseline
            print(f"after all of it the server is {kept_mib:.0f} MiB larger than when it was warm")
    listener.close()
    print("all limits were kept" if kept else "A LIMIT WAS BROKEN")
    return kept


def main() -> int:
    """Run the benchmark and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="run the attacks whose names hold this")
    args = parser.parse_args()
    if not Path("/proc/self/clear_refs").exists():
        print("this needs Linux: it reads a process's peak memory from /proc")
        return 1
    return 0 if asyncio.run(run(args.only)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
