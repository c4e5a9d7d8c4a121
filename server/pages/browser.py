"""Open a link in the person's browser without showing it to other users of the machine."""

from __future__ import annotations

import os
import tempfile
import webbrowser
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from server.pages.markup import tag


@contextmanager
def shown_in_browser(
    link: str, folder: Path, *, browse: Callable[[str], bool] = webbrowser.open
) -> Generator[bool]:
    """Have the browser open a link, and give whether one was found.

    The arguments of a program can be read by everybody on a machine. So the browser is given a file
    that only its owner can read, and that leads on to the link; it is removed on leaving.

    Args:
        link: opens a session for whoever has it.
        folder: where the file lies meanwhile; nobody else can read it.
        browse: opens a URL in the browser.
    """
    handle, name = tempfile.mkstemp(prefix="open-", suffix=".html", dir=folder)  # mode 0600
    path = Path(name)
    try:
        on = tag("meta", http_equiv="refresh", content=f"0;url={link}")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"<!doctype html><title>Purser</title>{on}")
        try:
            found = browse(path.as_uri())
        except webbrowser.Error:
            found = False
        yield found
    finally:
        path.unlink(missing_ok=True)
