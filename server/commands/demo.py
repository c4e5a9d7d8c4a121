"""`purser demo`: a real MCP client, server, seller and chain on this machine, and their story."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from server.commands.common import make_console

if TYPE_CHECKING:
    from mcp.client import Client
    from mcp_types import CallToolResult
    from rich.console import Console
    from rich.table import Table

    from sandbox.run import Sandbox

EXCERPT_CHARS = 320
PIPE_COLUMNS = 100
NAME_COLUMNS = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser demo` takes."""
    parser.add_argument("--json", action="store_true", help="print the story as one JSON object")


@dataclass(frozen=True, slots=True)
class Chapter:
    """One call of the story: what was asked, what came back, and whether it is as promised."""

    title: str
    call: str
    text: str
    receipt: dict[str, Any] | None
    error: dict[str, Any] | None
    payments_seen: int
    as_promised: bool


def run(args: argparse.Namespace) -> int:
    """Tell the story; exit 0 only when every promise held."""
    import anyio

    from sandbox.run import Sandbox, SandboxMissingError

    console = _console(quiet=args.json)
    try:
        with tempfile.TemporaryDirectory(prefix="purser-demo-") as home, Sandbox() as sandbox:
            chapters = anyio.run(_tell, sandbox, Path(home), console)
            moved = sandbox.chain.transfer_count()
    except SandboxMissingError as error:
        sys.stderr.write(f"purser: {error}\n")
        return 1
    held = all(chapter.as_promised for chapter in chapters)
    _finish(console, chapters, moved, held)
    if args.json:
        story = {"held": held, "transfers": moved, "chapters": [asdict(one) for one in chapters]}
        print(json.dumps(story, indent=2))
    return 0 if held else 1


def _console(*, quiet: bool) -> Console:
    if sys.stdout.isatty():
        return make_console(quiet=quiet)
    return make_console(cast("TextIO", _Trimmed(sys.stdout)), quiet=quiet, width=PIPE_COLUMNS)


class _Trimmed:
    """Passes lines on without the spaces that fill them up on a screen."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._line = ""
        self.encoding = stream.encoding

    def write(self, text: str, /) -> int:
        """Write the lines that are whole, and keep the rest for later."""
        *lines, self._line = (self._line + text).split("\n")
        self._stream.write("".join(f"{line.rstrip()}\n" for line in lines))
        return len(text)

    def flush(self) -> None:
        """Hand on what is whole."""
        self._stream.flush()


def serve_parameters(home: Path, key: str) -> Any:
    """Return how a host starts this Purser: the same interpreter, its own folder, its own key."""
    from mcp.client.stdio import StdioServerParameters

    env = {name: value for name, value in os.environ.items() if not name.startswith("PURSER_")}
    env |= {"PURSER_HOME": str(home), "PURSER_PRIVATE_KEY": key}
    return StdioServerParameters(
        command=sys.executable, args=["-P", "-m", "purser_mcp", "serve"], env=env
    )


async def _tell(sandbox: Sandbox, home: Path, console: Console) -> list[Chapter]:
    from mcp.client import Client

    (home / "config.toml").write_text(sandbox.config_toml(), encoding="utf-8")
    console.print("[bold]Purser demo[/bold]  everything below runs on this machine")
    console.print(
        f"seller {sandbox.seller_url}   chain {sandbox.rpc_url} (a local Base Sepolia)\n"
        "limits $1.00 a payment, $2.00 a host and day, $5.00 a day; the model cannot change them"
    )
    async with Client(serve_parameters(home, sandbox.buyer_key)) as client:
        story = _Story(sandbox, client, console)
        await story.fetch("A page that asks for nothing", "/free", _is_free)
        await story.fetch("A page that costs a cent", "/article", _is_verified)
        await story.fetch("The same call again", "/article", _is_reused)
        await story.fetch("Data for a hundredth of a cent", "/api/weather", _is_verified)
        await story.fetch("A price above the limit", "/dear", _is_refused)
        left = ("name", "limit_usd", "settled_usd", "held_usd", "left_usd")
        await story.look("What is left", "check_balance", "limits", left)
        bought = ("created_at", "status", "evidence", "amount_usd", "url")
        await story.look("What was bought", "list_receipts", "receipts", bought)
        return story.chapters


def outcome(chapter: Chapter) -> list[tuple[str, str]]:
    """Return what came of a call, as names and values: receipt, transfer, payments seen."""
    lines: list[tuple[str, str]] = []
    if (receipt := chapter.receipt) is not None:
        reused = ", bought earlier" if receipt["reused"] else ""
        lines.append(("receipt", f"{receipt['status']}{reused}; evidence: {receipt['evidence']}"))
        if receipt["tx_hash"]:
            lines.append(("tx hash", receipt["tx_hash"]))
    seen = chapter.payments_seen
    return [*lines, ("seller saw", f"{seen} payment{'' if seen == 1 else 's'}")]


class _Story:
    """Makes the calls, checks each against what the seller saw, and prints them."""

    def __init__(self, sandbox: Sandbox, client: Client, console: Console) -> None:
        self._sandbox = sandbox
        self._client = client
        self._console = console
        self.chapters: list[Chapter] = []

    async def fetch(self, title: str, path: str, promise: Any) -> None:
        """Call `paid_fetch` and hold the answer to its promise."""
        before = len(self._sandbox.seen_payment_headers)
        url = self._sandbox.seller_url + path
        result = await self._client.call_tool("paid_fetch", {"url": url})
        seen = len(self._sandbox.seen_payment_headers) - before
        receipt, error = _meta(result, "purser/receipt"), _meta(result, "purser/error")
        held = bool(promise(receipt or {}, error or {}, seen))
        call = f'paid_fetch(url="{url}")'
        self._show(Chapter(title, call, _text(result), receipt, error, seen, held))

    async def look(self, title: str, tool: str, rows: str, columns: tuple[str, ...]) -> None:
        """Call a tool that only reads, and show some columns of its rows."""
        result = await self._client.call_tool(tool, {})
        data: dict[str, Any] = result.structured_content or {}
        held = not result.is_error and bool(data.get(rows))
        chapter = Chapter(title, f"{tool}()", json.dumps(data), None, None, 0, held)
        self._open(chapter)
        self._console.print(_table(data.get(rows, []), columns))

    def _open(self, chapter: Chapter) -> None:
        self.chapters.append(chapter)
        console = self._console
        console.print()
        console.rule(f"[bold]{len(self.chapters)}. {chapter.title}[/bold]", align="left")
        self._line("model calls", chapter.call)

    def _show(self, chapter: Chapter) -> None:
        from rich.padding import Padding
        from rich.text import Text

        self._open(chapter)
        self._console.print(Padding(Text(_excerpt(chapter.text), "dim"), (0, 0, 0, 2)))
        for name, text in outcome(chapter):
            self._line(name, text)

    def _line(self, name: str, text: str) -> None:
        self._console.print(f"[cyan]{name:{NAME_COLUMNS}}[/cyan] ", end="")
        self._console.print(text, markup=False, soft_wrap=True)


def _table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(*columns, box=box.SIMPLE, pad_edge=False)
    for row in rows:
        table.add_row(*("-" if row[name] is None else str(row[name]) for name in columns))
    return table


def _excerpt(text: str) -> str:
    """Shorten a page to its beginning and its footer."""
    if len(text) < 2 * EXCERPT_CHARS:
        return text
    body, _, footer = text.rpartition("\n")
    return f"{body[:EXCERPT_CHARS]}\n[...]\n{footer}"


def _finish(console: Console, chapters: list[Chapter], moved: int, held: bool) -> None:
    console.print()
    console.rule(align="left")
    verified = sum(
        1 for one in chapters if (one.receipt or {}).get("evidence") == "verified"
        and not (one.receipt or {}).get("reused")
    )  # fmt: skip
    if held:
        console.print(
            f"Every promise held: {verified} payments verified on the chain, {moved} transfers in "
            "all, one repeat that cost nothing, one refusal that signed nothing."
        )
        return
    for chapter in chapters:
        if not chapter.as_promised:
            console.print(f"[red]Not as promised:[/red] {chapter.title}")


def _is_free(receipt: dict[str, Any], error: dict[str, Any], seen: int) -> bool:
    return receipt.get("status") == "free" and not error and seen == 0


def _is_verified(receipt: dict[str, Any], error: dict[str, Any], seen: int) -> bool:
    paid = receipt.get("status") == "settled" and receipt.get("evidence") == "verified"
    return paid and not error and seen == 1


def _is_reused(receipt: dict[str, Any], error: dict[str, Any], seen: int) -> bool:
    return receipt.get("reused") is True and not error and seen == 0


def _is_refused(receipt: dict[str, Any], error: dict[str, Any], seen: int) -> bool:
    return error.get("code") == "over_payment_cap" and error.get("spent") == "no" and seen == 0


def _text(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if block.type == "text")


def _meta(result: CallToolResult, key: str) -> dict[str, Any] | None:
    return (result.meta or {}).get(key)
