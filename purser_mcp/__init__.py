"""Start Purser from its own folder, so that no other `server`, `tools` or `wallet` can stand in."""

import sys
from importlib.util import find_spec
from pathlib import Path


def main() -> int:
    """Run the `purser` command and return its exit code; refuse when a package is not our own."""
    package = Path(__file__).resolve().parent
    root = package / "_app" if (package / "_app").is_dir() else package.parent
    sys.path.insert(0, str(root))
    for name in ("server", "tools", "wallet"):
        if not _is_ours(root, name):
            sys.stderr.write(f"purser: another package named {name!r} was loaded first\n")
            return 1
    from server.cli import main as run

    return run()


def _is_ours(root: Path, name: str) -> bool:
    try:
        spec = find_spec(name)
    except ValueError:  # loaded already, and by nothing that says from where
        return False
    if spec is None or spec.origin is None:
        return False
    return Path(spec.origin).resolve() == root / name / "__init__.py"
