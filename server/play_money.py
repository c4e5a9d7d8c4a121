"""Folders of play money: a wallet for the sandbox, whose key everybody knows.

`purser sandbox --wallet` makes one and marks it. A marked folder pays on test networks alone,
whatever its settings or the environment say, and asks nobody to fund it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

PLAY_FILE = "PLAY-MONEY.txt"
PLAY_PASSPHRASE = "play-money"  # noqa: S105 - of a key that is published anyway
PLAY_TEXT = """\
The wallet in this folder holds play money of `purser sandbox`, and its key is PUBLISHED: everybody
knows it. Never send it real money, on any network: it would be gone at once.

While this file is here, Purser pays from this folder on test networks alone. Delete the whole
folder when you are done. For a wallet of your own use another folder and `purser init`.
"""


def is_play_folder(home: Path) -> bool:
    """Tell whether the wallet of this PURSER_HOME holds the sandbox's play money."""
    return os.path.lexists(home / PLAY_FILE)


def starting_it(home: Path) -> str:
    """Return the command, in backquotes, that starts the sandbox whose money this folder holds."""
    from server.commands.launcher import quoted

    return f"`purser sandbox --wallet {quoted(str(home))}`"


def play_problems(home: Path, enabled: Iterable[str]) -> list[str]:
    """Return what keeps a folder of play money from being used with these networks, if anything."""
    from wallet.assets import networks

    known = networks()
    real = [one for one in enabled if not (one in known and known[one].testnet)]
    if not real or not is_play_folder(home):
        return []
    problem = (
        f"{home / PLAY_FILE}: the key in this folder is published, so it pays on test networks "
        "alone, and wallet.networks names another. For real money use another folder."
    )
    return [problem]
