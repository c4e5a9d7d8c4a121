"""What a disk may hold after a power cut, worked out from the log of a process's file calls.

Only what was synced is sure: a file's bytes by a sync of the file, its name by a sync of its
folder. Everything else may be there or not, each change for itself, in any order, and a write may
be there in part. That is what POSIX promises; real file systems are kinder.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.faults import FileCall

SECTOR_BYTES = 512


@dataclass(eq=False)
class Change:
    """One change that is not synced yet; `torn` keeps that many bytes of a write."""

    number: int


@dataclass(eq=False)
class Written(Change):
    """Bytes at an offset, or a new size when `data` is None."""

    offset: int
    data: bytes | None


@dataclass(eq=False)
class Named(Change):
    """Names that appear and disappear in a folder together: a rename is one change."""

    added: dict[str, Node]
    removed: tuple[str, ...]


@dataclass(eq=False)
class Node:
    """A file or a folder: what is surely on the disk, and what may be."""

    is_folder: bool
    synced: bytearray = field(default_factory=bytearray)
    names: dict[str, Node] = field(default_factory=dict[str, "Node"])
    pending: list[Change] = field(default_factory=list[Change])

    def live(self) -> dict[str, Node]:
        """Return the folder's entries as the running system shows them."""
        return self.entries(frozenset(change.number for change in self.pending))

    def entries(self, kept: frozenset[int]) -> dict[str, Node]:
        """Return the folder's entries when of the unsynced changes only these were kept."""
        found = dict(self.names)
        for change in self.pending:
            if isinstance(change, Named) and change.number in kept:
                for name in change.removed:
                    found.pop(name, None)
                found.update(change.added)
        return found

    def bytes_after(self, kept: frozenset[int], torn: int) -> bytes:
        """Return the file's bytes when only these changes were kept, and one of them in part."""
        found = bytearray(self.synced)
        for change in self.pending:
            if isinstance(change, Written) and change.number in kept:
                write(found, change, in_part=change.number == torn)
        return bytes(found)

    def sync(self) -> None:
        """Make every change of this file or folder sure."""
        everything = frozenset(change.number for change in self.pending)
        if self.is_folder:
            self.names = self.entries(everything)
        else:
            self.synced = bytearray(self.bytes_after(everything, -1))
        self.pending.clear()


def write(content: bytearray, change: Written, *, in_part: bool) -> None:
    """Change a file's bytes, up to a sector's end in the middle of the write when `in_part`."""
    if change.data is None:
        del content[change.offset :]
        content.extend(bytes(change.offset - len(content)))
        return
    half = len(change.data) // 2
    data = change.data[: half - half % SECTOR_BYTES or half] if in_part else change.data
    content.extend(bytes(max(0, change.offset - len(content))))
    content[change.offset : change.offset + len(data)] = data


@dataclass(frozen=True, slots=True)
class Survivors:
    """Which unsynced changes a power cut leaves: those `kept`, one of them `torn`, or -1."""

    kept: frozenset[int]
    torn: int = -1


class Disk:
    """A folder's contents, fed with one file call after the other."""

    def __init__(self) -> None:
        self.top = Node(is_folder=True)

    def apply(self, call: FileCall) -> None:
        """Do what a call did, unless it failed."""
        if call.result < 0 or call.op == "mark":
            return
        if call.path == ".":
            folder, name = Node(is_folder=True, names={".": self.top}), "."
        else:
            folder, name = self._folder(call.path)
        match call.op:
            case "create":
                self._name(call, folder, {name: Node(is_folder=False)}, ())
            case "mkdir":
                self._name(call, folder, {name: Node(is_folder=True)}, ())
            case "remove":
                self._name(call, folder, {}, (name,))
            case "rename":
                to, new_name = self._folder(call.other)
                assert to is folder, "a rename across folders is two changes"
                self._name(call, folder, {new_name: folder.live()[name]}, (name,))
            case "link":
                to, new_name = self._folder(call.other)
                self._name(call, to, {new_name: folder.live()[name]}, ())
            case "write":
                node = folder.live()[name]
                node.pending.append(Written(call.number, call.offset, call.data))
            case "truncate":
                folder.live()[name].pending.append(Written(call.number, call.size, None))
            case "sync":
                folder.live()[name].sync()
            case _:
                assert (call.op, call.other) == ("open", "")

    @staticmethod
    def _name(
        call: FileCall, folder: Node, added: dict[str, Node], removed: tuple[str, ...]
    ) -> None:
        folder.pending.append(Named(call.number, added, removed))

    def _folder(self, path: str) -> tuple[Node, str]:
        *folders, name = path.split("/")
        node = self.top
        for part in folders:
            node = node.live()[part]
        return node, name

    def pending(self) -> list[Change]:
        """Return every unsynced change, in the order it was made."""
        found: dict[int, Change] = {}
        nodes = [self.top]
        while nodes:
            node = nodes.pop()
            found |= {change.number: change for change in node.pending}
            nodes += node.live().values()
        return [found[number] for number in sorted(found)]

    def files(self, after: Survivors) -> dict[str, bytes | None]:
        """Return what a power cut leaves: each path with its bytes, None for a folder."""
        found: dict[str, bytes | None] = {}

        def walk(node: Node, path: str) -> None:
            for name, child in node.entries(after.kept).items():
                below = f"{path}/{name}" if path else name
                if child.is_folder:
                    found[below] = None
                    walk(child, below)
                else:
                    found[below] = child.bytes_after(after.kept, after.torn)

        walk(self.top, "")
        return found


def survivors(
    pending: Sequence[Change], chance: random.Random, *, few: bool
) -> Iterator[Survivors]:
    """Choose what a power cut leaves of unsynced changes.

    Nothing; everything; only bytes; only names; and, but for `few`, each change alone lost, alone
    kept, and last of those that were kept in their order; each write torn; and some by chance.
    """
    numbers = [change.number for change in pending]
    whole = frozenset(numbers)
    yield Survivors(frozenset())
    yield Survivors(whole)
    yield Survivors(_only(pending, Written))
    yield Survivors(_only(pending, Named))
    if few:
        yield Survivors(_some(numbers, chance), *chance.sample(numbers, min(1, len(numbers))))
        return
    for place, change in enumerate(pending):
        yield Survivors(whole - {change.number})
        yield Survivors(frozenset({change.number}))
        yield Survivors(frozenset(numbers[: place + 1]))
        if isinstance(change, Written) and change.data is not None:
            yield Survivors(whole, change.number)
            yield Survivors(frozenset(numbers[: place + 1]), change.number)
    for _ in range(len(numbers)):
        yield Survivors(_some(numbers, chance))


def _some(numbers: Sequence[int], chance: random.Random) -> frozenset[int]:
    return frozenset(one for one in numbers if chance.random() * 2 < 1)


def _only(pending: Iterable[Change], kind: type[Change]) -> frozenset[int]:
    return frozenset(change.number for change in pending if isinstance(change, kind))


@dataclass(frozen=True, slots=True)
class Cut:
    """A power cut after call `number`: the steps that were passed, and what is on the disk."""

    number: int
    passed: frozenset[str]
    files: dict[str, bytes | None]


def power_cuts(calls: Sequence[FileCall], seed: int, *, few: bool = False) -> Iterator[Cut]:
    """Cut the power after each call, in every way that `survivors` knows; never twice the same."""
    disk, passed, chance = Disk(), set[str](), random.Random(seed)
    seen: set[int] = set()
    for call in calls:
        disk.apply(call)
        if call.op == "mark":
            passed.add(call.path)
        for after in survivors(disk.pending(), chance, few=few):
            files = disk.files(after)
            fingerprint = hash((frozenset(passed), frozenset(files.items())))
            if fingerprint not in seen:
                seen.add(fingerprint)
                yield Cut(call.number, frozenset(passed), files)


def lay_out(cut: Cut, folder: Path) -> None:
    """Write what a power cut left."""
    folder.mkdir()
    for path, content in cut.files.items():
        target = folder / path
        if content is None:
            target.mkdir(exist_ok=True)
        else:
            target.write_bytes(content)
