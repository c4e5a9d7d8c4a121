"""`purser fetch` with many URLs: the tool's own batch, a bar, files as they come, and Ctrl-C."""

from __future__ import annotations

import argparse
from contextlib import closing, nullcontext
from functools import partial
from typing import TYPE_CHECKING

from server.commands.common import print_json, run_wired, usage
from server.commands.content import Body, as_file
from server.commands.ctrl_c import first_ctrl_c
from server.commands.fetch_summary import Saved, object_of, print_told
from server.commands.file_names import name_parts
from server.commands.folder import Folder, open_folder
from server.commands.progress import STOPPING, WAITING, Bar, can_draw
from server.exit_codes import DONE, FAILED, INTERRUPTED, REFUSED
from tools.bounds import CONCURRENCY_DEFAULT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from server.wiring import Wired
    from tools.arguments import ContentFormat
    from tools.many.outcome import Outcome, Page
    from wallet.presenting import Bought

RATE_PAUSE_S = 10


def run_many(args: argparse.Namespace, urls: tuple[str, ...]) -> int:
    """Fetch every URL, show what came of each, and return what `exit_code` says."""
    try:
        folder = None if args.output_dir is None else open_folder(args.output_dir)
    except OSError as error:
        return usage(f"--output-dir cannot be used: {error.strerror}")
    bar = Bar(len(set(urls)), shown=can_draw())
    with nullcontext() if folder is None else closing(folder):
        job = partial(_fetch_many, args=args, urls=urls, folder=folder, bar=bar)
        return run_wired(job, as_json=args.json, unlocks=True, while_asking=bar.aside)


async def _fetch_many(
    wired: Wired,
    *,
    args: argparse.Namespace,
    urls: tuple[str, ...],
    folder: Folder | None,
    bar: Bar,
) -> int:
    import anyio

    from tools.many.batch import Batch
    from tools.many.outcome import Stopped
    from tools.many.wanted import Wanted

    saved: dict[int, Saved] = {}

    async def report(done: int, of: int, words: str) -> None:
        bar.tell(done, str(batch.outcome().spent))

    async def arrived(page: Page, bought: Bought) -> None:
        if folder is not None and bought.is_good:
            saved[page.number] = await _in_a_thread(folder, page, bought, args.format or "raw")

    def stop() -> None:
        bar.say_once(STOPPING)
        batch.stop(Stopped.ASKED)

    def state() -> str:
        return "waiting" if batch.waiting and not batch.under_way else f"{batch.under_way} running"

    async def pause() -> None:
        bar.say_once(WAITING)
        await anyio.sleep(RATE_PAUSE_S)

    at_once = args.concurrency or CONCURRENCY_DEFAULT
    wanted = Wanted(urls, args.max_total_usd, at_once, None, max_price=args.max_price_usd)
    batch = Batch(wired.toolbox, wanted, report=report, arrived=arrived, pause=pause)
    with first_ctrl_c(stop), bar.drawn(state):
        outcome = await batch.run()
    if args.json:
        print_json(object_of(outcome, saved))
    else:
        print_told(outcome, saved, args, wired.toolbox.many.repeat_window_s)
    return exit_code(outcome, saved)


async def _in_a_thread(folder: Folder, page: Page, bought: Bought, wanted: ContentFormat) -> Saved:
    import anyio.to_thread

    from tools.showing import extraction_room

    save = partial(_save, folder, page, bought, wanted)
    return await anyio.to_thread.run_sync(save, limiter=extraction_room())


def _save(folder: Folder, page: Page, bought: Bought, wanted: ContentFormat) -> Saved:
    """Write what came to a file of its own; what cannot be written is stored all the same."""
    try:
        data, mime = as_file(Body(bought.body, bought.content_type, bought.url), wanted)
        name = folder.add(*name_parts(page.url, mime), data)
    except OSError as error:
        return Saved(None, error.strerror or type(error).__name__)
    except Exception as error:  # noqa: BLE001 -- one file must not end what others pay for
        return Saved(None, f"an unexpected failure, {type(error).__name__}")
    return Saved(str(folder.path / name), None)


def exit_code(outcome: Outcome, saved: Mapping[int, Saved]) -> int:
    """Return 0 when all came, 130 when Ctrl-C left pages, and 3 when only limits left any out."""
    from tools.many.outcome import Stopped

    missing = [page for page in outcome.pages if page.same_as is None and not page.came]
    if outcome.stopped is Stopped.ASKED and any(page.is_left for page in missing):
        return INTERRUPTED
    if any(one.path is None for one in saved.values()):
        return FAILED
    if not missing:
        return DONE
    by_limits = outcome.stopped is Stopped.LIMITS
    refused = (by_limits if one.error is None else one.error.kind.value.refusal for one in missing)
    return REFUSED if all(refused) else FAILED
