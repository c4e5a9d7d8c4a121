"""Start Purser from a bundle (.mcpb), whose host passes on every setting, filled in or not.

A field that was left empty arrives as an empty text, or as the placeholder that stood for it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping

from purser_mcp import main

PLACEHOLDER = "${user_config."
EMPTY = ("", '[""]')


def leave_out_unset(environ: MutableMapping[str, str]) -> None:
    """Take Purser's variables that hold nothing out of an environment.

    A key that was filled in is the one to use, unless a setting says where the key lives.
    """
    for name, value in list(environ.items()):
        if name.upper().startswith("PURSER_") and (PLACEHOLDER in value or value.strip() in EMPTY):
            del environ[name]
    if "PURSER_PRIVATE_KEY" in environ:
        environ.setdefault("PURSER_WALLET__KEY", "env")


if __name__ == "__main__":
    leave_out_unset(os.environ)
    sys.argv[1:] = ["serve"]
    sys.exit(main())
