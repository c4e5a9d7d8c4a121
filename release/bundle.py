"""Build the bundle for Claude Desktop: `uv run python release/bundle.py [FILE]`.

The bundle holds the sources and the lock file, so that the host's own uv installs exactly the
versions that were tested. The same sources give the same bytes.
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
for _folder in (str(HERE), str(HERE.parent)):
    if _folder not in sys.path:
        sys.path.insert(0, _folder)

from identity import ROOT  # noqa: E402
from manifest import ICON, manifest, problems  # noqa: E402

PACKAGES = ("purser_mcp", "server", "tools", "wallet", "sandbox")
BESIDE = ("LICENSE", "README.md", "pyproject.toml", "uv.lock")
EARLIEST = (1980, 1, 1, 0, 0, 0)  # of ZIP
MODE = 0o100644 << 16


def contents() -> dict[str, bytes]:
    """Return every file of the bundle by its name in it.

    Raises:
        ValueError: the manifest is not right.
    """
    paths = [ROOT / name for name in BESIDE]
    for package in PACKAGES:
        paths += [one for one in (ROOT / package).rglob("*") if one.is_file()]
    names = {path.relative_to(ROOT).as_posix(): path for path in paths}
    found = {
        name: path.read_bytes() for name, path in names.items() if "__pycache__" not in path.parts
    }
    found[ICON] = (HERE / ICON).read_bytes()
    written = manifest()
    if wrong := problems(written, set(found)):
        raise ValueError("; ".join(wrong))
    found["manifest.json"] = (json.dumps(written, indent=2) + "\n").encode()
    return found


def build(path: Path) -> None:
    """Write the bundle."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in sorted(contents().items()):
            entry = zipfile.ZipInfo(name, EARLIEST)
            entry.external_attr, entry.compress_type = MODE, zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist" / "purser.mcpb"
    build(target)
    print(target)
