"""Start Purser from its own folder, so that no other `server`, `tools` or `wallet` can stand in."""

import sys
from pathlib import Path


def main() -> int:
    """Run the `purser` command and return its exit code."""
    package = Path(__file__).resolve().parent
    root = package / "_app" if (package / "_app").is_dir() else package.parent
    sys.path.insert(0, str(root))
    from server.cli import main as run

    return run()
