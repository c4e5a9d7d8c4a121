"""Write the generated pages: `uv run python docs/generate.py PAGE...`, or no name for all.

`readme` fills the tables of README.md. `transcript` runs the demo and puts it there; `walkthrough`
walks through docs/try-it-in-a-host.md and puts what it saw there. These two only when named.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
WALKTHROUGH = ROOT / "docs" / "try-it-in-a-host.md"
for _folder in (str(ROOT / "docs"), str(ROOT)):
    if _folder not in sys.path:
        sys.path.insert(0, _folder)

from commands_page import commands_page  # noqa: E402
from demo_transcript import transcript  # noqa: E402
from errors_page import errors_page  # noqa: E402
from hosts_page import hosts_page, links_block  # noqa: E402
from networks_page import networks_page  # noqa: E402
from page_parts import with_block  # noqa: E402
from reports_page import reports_page  # noqa: E402
from sandbox_page import sandbox_page  # noqa: E402
from settings_page import settings_block, settings_page  # noqa: E402
from tools_page import tools_block, tools_page  # noqa: E402

PAGES: dict[str, Callable[[], str]] = {
    "commands": commands_page,
    "errors": errors_page,
    "hosts": hosts_page,
    "networks": networks_page,
    "reports": reports_page,
    "sandbox": sandbox_page,
    "settings": settings_page,
    "tools": tools_page,
}
BLOCKS: dict[str, Callable[[], str]] = {
    "links": links_block,
    "tools": tools_block,
    "settings": settings_block,
}


def readme(text: str) -> str:
    """Return the text of README.md with its generated tables."""
    for name, block in BLOCKS.items():
        text = with_block(text, name, block())
    return text


def recorded(text: str) -> str:
    """Return the text of README.md with the transcript of a demo that is run now."""
    command = [sys.executable, "-m", "purser_mcp", "demo", "--json"]
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)  # noqa: S603
    return with_block(text, "transcript", transcript(json.loads(ran.stdout)))


def walkthrough(folder: Path) -> dict[str, str]:
    """Walk through docs/try-it-in-a-host.md in an empty folder; return its blocks by name."""
    from walkthrough import record  # imports more than the other pages need

    return record(folder)


def walked(text: str) -> str:
    """Return the text of docs/try-it-in-a-host.md with what a walk through it shows now."""
    with tempfile.TemporaryDirectory() as folder:
        for name, block in walkthrough(Path(folder)).items():
            text = with_block(text, name, block)
    return text


def main(names: list[str]) -> None:
    """Write `docs/NAME.md` for each name, or every page and README.md when none is given.

    Raises:
        SystemExit: a name is not a generated page.
    """
    edits: dict[str, tuple[Path, Callable[[str], str]]] = {
        "readme": (README, readme),
        "transcript": (README, recorded),
        "walkthrough": (WALKTHROUGH, walked),
    }
    known = [*PAGES, *edits]
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise SystemExit(f"not a generated page: {', '.join(unknown)}; known: {', '.join(known)}")
    for name in names or [*PAGES, "readme"]:
        if name in edits:
            page, edit = edits[name]
            page.write_text(edit(page.read_text(encoding="utf-8")), encoding="utf-8")
        else:
            (ROOT / "docs" / f"{name}.md").write_text(PAGES[name](), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
