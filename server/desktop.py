"""A note on the desktop that a payment waits: fixed words, an amount and a host's name.

It holds no link and no id, since others may see the screen. The notifier is a program that is
started with a list of arguments; none, or one that fails, is silently no note.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

TITLE = "Purser"
EVERY_S = 10
HOST_CHARS = 60

_TIMEOUT_S = 10

# The texts come as arguments and as variables, never as part of the script.
_APPLE = (
    "on run words\ndisplay notification (item 2 of words) with title (item 1 of words)\nend run"
)
_WINDOWS = (
    "Add-Type -AssemblyName System.Windows.Forms;"
    "$note = New-Object System.Windows.Forms.NotifyIcon;"
    "$note.Icon = [System.Drawing.SystemIcons]::Information;"
    "$note.Visible = $true;"
    "$note.ShowBalloonTip(10000, $env:NOTE_TITLE, $env:NOTE_TEXT, 'Info');"
    "Start-Sleep -Seconds 6;"
    "$note.Dispose()"
)

_POWERSHELL = "{}\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"


def note_text(amount_usd: str, host: str) -> str:
    """Return the words of the note; a host's name keeps its usual characters, up to 60."""
    plain = re.sub(r"[^a-z0-9.:-]", "", host.lower())
    name = plain if len(plain) <= HOST_CHARS else f"...{plain[3 - HOST_CHARS :]}"
    return f"${amount_usd} to {name} waits for your approval: run purser approvals"


def notifier(text: str, platform: str, environ: Mapping[str, str]) -> list[str] | None:
    """Return the program and arguments that show a note here, or None without a desktop."""
    if platform == "darwin":
        found = None if "SSH_CONNECTION" in environ else shutil.which("osascript")
        return None if found is None else [found, "-e", _APPLE, TITLE, text]
    if platform == "win32":
        # By its whole path: Windows looks for a bare name in the working folder first.
        found = _POWERSHELL.format(environ.get("SYSTEMROOT", "C:\\Windows"))
        hidden = ["-NoProfile", "-NonInteractive", "-WindowStyle", "Hidden", "-Command", _WINDOWS]
        return [found, *hidden]
    session = environ.get("DBUS_SESSION_BUS_ADDRESS")
    screen = environ.get("WAYLAND_DISPLAY") or environ.get("DISPLAY")
    found = shutil.which("notify-send", path=environ.get("PATH"))
    if not (session and screen and found):
        return None
    return [found, "--app-name=Purser", "--icon=dialog-question", "--", TITLE, text]


class Notes:
    """Shows notes, one in ten seconds at most, so that no model fills a screen with them."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._next_s = clock_s()

    def show(self, amount_usd: str, host: str) -> None:
        """Show a note where there is a desktop; waits for the notifier, so call it in a thread."""
        now_s = self._clock_s()
        if now_s < self._next_s:
            return
        self._next_s = now_s + EVERY_S
        text = note_text(amount_usd, host)
        command = notifier(text, sys.platform, os.environ)
        if command is None:
            return
        environ = {name: value for name, value in os.environ.items() if _goes_along(name)}
        try:
            subprocess.run(  # noqa: S603 -- a fixed program, and texts of ours as arguments
                command,
                env={**environ, "NOTE_TITLE": TITLE, "NOTE_TEXT": text},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.SubprocessError):
            return


def _goes_along(name: str) -> bool:
    """Tell whether a variable may be handed on; the key's and the passphrase's are not."""
    return not name.upper().startswith("PURSER_")
