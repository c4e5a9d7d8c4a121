"""The process that reads: killed at its deadline, bounded in memory, cut off from the rest."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.corpus.pdf_writer import assemble, pdf_of, stream
from tools.reading import apart
from tools.reading.apart import ReadingDesk
from tools.reading.content import MAX_HTML_BYTES, TOO_SLOW, render
from tools.reading.pdf import BROKEN, ENCRYPTED, MAX_PAGES, pdf_text

URL = "https://shop.example/"
PAGE = b"<title>Tides</title><article><p>%s</p></article>" % (b"High water comes at noon. " * 20)


def slow_pdf() -> bytes:
    """Return a small PDF that keeps its reader busy for minutes."""
    marks = b"BT /F1 9 Tf " + b"(a) Tj 1 0 0 1 0 0 Tm " * 3_000_000 + b"ET"
    return with_content(stream(marks, packed=True))


def with_content(content: bytes, kids: bytes = b"[3 0 R]", count: bytes = b"1") -> bytes:
    """Return a PDF of one page with this content object."""
    return assemble(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids %s /Count %s >>" % (kids, count),
            b"""<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R
            /Resources << /Font << /F1 5 0 R >> /XObject << /X 6 0 R >> >> >>""",
            content,
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            b"""<< /Type /XObject /Subtype /Form /Resources << /XObject << /X 6 0 R >> >>
            /Length 12 >>\nstream\n/X Do /X Do \nendstream""",
        ]
    )


@pytest.fixture
def desk() -> Iterator[ReadingDesk]:
    """Return a desk of the test's own, and end its processes."""
    made = ReadingDesk()
    yield made
    made.close()


def test_it_reads_as_the_plain_function_does_and_uses_its_process_again(desk: ReadingDesk) -> None:
    first = desk.render(PAGE, "text/html", URL)
    assert first == render(PAGE, "text/html", URL)
    process = desk.idle[0]
    second = desk.render(pdf_of([[(60, ["Bill of lading"])]]), "application/pdf", URL)
    assert second.text == "[page 1 of 1]\nBill of lading"
    assert desk.idle == [process]
    desk.close()
    assert process.returncode is not None


def test_what_costs_nothing_is_read_without_a_process(desk: ReadingDesk) -> None:
    assert desk.render(b'{"a": 1}', "application/json", URL).text == '{"a":1}'
    assert desk.render(PAGE, "text/html", URL, "raw").text == PAGE.decode()
    assert desk.idle == []


@pytest.mark.slow
def test_a_body_that_takes_too_long_ends_its_process_and_the_next_gets_another() -> None:
    desk = ReadingDesk(timeout_s=1)
    try:
        desk.prepare()
        process = desk.idle[0]
        shown = desk.render(slow_pdf(), "application/pdf", URL)
        assert (shown.kind, TOO_SLOW in shown.text) == ("binary", True)
        # Not by its own alarm, which rings later.
        assert process.returncode == (-signal.SIGKILL if os.name == "posix" else 1)
        assert desk.idle == []
    finally:
        desk.close()


def test_a_page_that_ends_the_process_is_stripped_instead(
    desk: ReadingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "_START", "import sys; sys.stdin.buffer.readline()")
    shown = desk.render(PAGE + b" " * MAX_HTML_BYTES, "text/html", URL)
    assert shown.text.startswith("Tides\n\nHigh water comes at noon.")
    assert 'format="raw" shows the rest' in shown.text
    rows = desk.render(b"a,b\n" + b"1,2\n" * 50_000, "text/csv", URL)
    assert rows.text.startswith("a,b\n1,2\n")


@pytest.mark.parametrize(
    "answer",
    [
        b"not json\n",
        b'{"kind":"text"}\n',
        b'{"kind":"text","mime_type":"a/b","rows":false,"tired":false,"bytes":9}\nshort',
        b'{"kind":"text","mime_type":"a/b","rows":false,"tired":false,"bytes":99999999999}\n',
        b'{"kind":"text","mime_type":"a/b","rows":false,"tired":false,"bytes":1}\n\xff',
        b"[]\n",
    ],
)
def test_an_answer_that_makes_no_sense_is_not_believed(
    desk: ReadingDesk, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setattr(apart, "_START", f"import sys; sys.stdout.buffer.write({answer!r})")
    assert desk.render(PAGE, "text/html", URL).text.startswith("Tides\n\nHigh water")
    assert desk.idle == []


def test_without_another_process_a_page_is_still_read(
    desk: ReadingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(Path("/nowhere/python")))
    desk.prepare()
    assert desk.render(PAGE, "text/html", URL).text.startswith("Tides\n\nHigh water")


def test_the_parts_of_a_text_are_of_one_reading(
    desk: ReadingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = desk.render(PAGE, "text/html", URL)
    monkeypatch.setattr(apart, "_START", "raise SystemExit")
    desk.close()
    assert desk.render(PAGE, "text/html", URL) is first
    assert desk.render(PAGE, "text/html", URL, "text") is not first


def test_only_so_much_is_remembered(desk: ReadingDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_START", "raise SystemExit")
    monkeypatch.setattr(apart, "REMEMBERED_CHARS", 3_000)
    first = desk.render(PAGE, "text/html", URL)
    for number in range(8):
        desk.render(PAGE + b"%d" % number, "text/html", URL)
    assert desk.render(PAGE, "text/html", URL) is not first


def test_bodies_are_read_beside_each_other(desk: ReadingDesk) -> None:
    found: dict[int, str] = {}

    def read(number: int) -> None:
        found[number] = desk.render(PAGE + b"<p>%d" % number, "text/html", URL).text

    threads = [threading.Thread(target=read, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == [0, 1]
    assert 1 <= len(desk.idle) <= 2


TRIES = """
import json, os, socket, subprocess, sys
sys.path[:] = json.loads(sys.argv[1])
from tools.reading import worker
from tools.reading.content import Rendered
import tools.reading.content as content
def attempt(what):
    try:
        what()
    except PermissionError:
        return "refused"
    except OSError as error:
        return type(error).__name__
    return "done"
def render(body, content_type, url, format):
    tried = {
        "connect": attempt(lambda: socket.create_connection(("127.0.0.1", 9))),
        "resolve": attempt(lambda: socket.getaddrinfo("a.example", 80)),
        "run": attempt(lambda: subprocess.run(["true"])),
        "shell": attempt(lambda: os.system("true")),
        "write": attempt(lambda: open(url, "w")),
        "low write": attempt(lambda: os.open(url, os.O_WRONLY | os.O_CREAT)),
        "remove": attempt(lambda: os.remove(url)),
        "environment": sorted(os.environ),
    }
    return Rendered("text", json.dumps(tried), "text/plain")
content.render = render
worker.main()
"""


def test_the_process_has_no_network_no_files_to_write_and_no_secrets(
    desk: ReadingDesk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PURSER_PRIVATE_KEY", "0x" + "ab" * 32)
    monkeypatch.setattr(apart, "_START", TRIES)
    target = tmp_path / "target"
    target.write_text("kept")
    told = json.loads(desk.render(PAGE, "text/html", str(target)).text)
    environment = told.pop("environment")
    assert set(told.values()) == {"refused"}, told
    assert target.read_text() == "kept"
    assert not [name for name in environment if "PURSER" in name or "KEY" in name]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the address space")
def test_the_process_has_little_memory_and_a_fresh_one_follows_a_large_page(
    desk: ReadingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    greedy = TRIES.replace('"environment": sorted', '"grown": grown(), "environment": sorted')
    greedy = greedy.replace(
        "def attempt",
        "def grown():\n    try:\n        bytearray(2_000_000_000)\n    except MemoryError:\n"
        "        return len(bytearray(b'x') * 320_000_000)\ndef attempt",
    )
    monkeypatch.setattr(apart, "_START", greedy)
    told = json.loads(desk.render(PAGE, "text/html", os.devnull).text)
    assert told["grown"] == 320_000_000
    assert desk.idle == []


def test_a_parent_that_is_gone_takes_its_process_along() -> None:
    source = (
        "import sys; sys.path.insert(0, '.'); from tools.reading.apart import desk\n"
        "desk.prepare(); print(desk.idle[0].pid, flush=True)\n"
        "import os; os._exit(1)"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=root, capture_output=True, timeout=60, check=False
    )
    pid = int(done.stdout)
    # Whoever asks last waits until the pipe's end has ended it; a process that stays fails here.
    ended = threading.Event()
    for _ in range(2_000):
        if not is_running(pid):
            return
        ended.wait(0.01)
    raise AssertionError("the reading process outlived its parent")


def is_running(pid: int) -> bool:
    """Tell whether a process is there and no mere entry of one that has ended."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, check=False
    ).stdout.strip()
    return bool(state) and not state.startswith(b"Z")


def test_a_pdf_is_read_page_by_page_under_its_title() -> None:
    found = pdf_text(pdf_of([[(60, ["One"])], [(60, ["Two", "more"])]], "Bill (of lading)"))
    assert found.text == ("# Bill (of lading)\n\n[page 1 of 2]\nOne\n\n[page 2 of 2]\nTwo\nmore")


def test_a_long_pdf_says_where_it_was_left() -> None:
    found = pdf_text(pdf_of([[(60, ["x"])]] * (MAX_PAGES + 2)))
    assert f"[page {MAX_PAGES} of {MAX_PAGES + 2}]\nx" in found.text
    assert found.text.endswith(f"[the pages after {MAX_PAGES} of {MAX_PAGES + 2} were not read]")


@pytest.mark.parametrize(
    "body",
    [
        b"%PDF-1.7",
        b"%PDF-1.4\n" + bytes(range(256)) * 400,
        pdf_of([[(60, ["x"])]])[:300],
        with_content(stream(b""), kids=b"[2 0 R]"),
        with_content(stream(b""), kids=b"[" + b"2 0 R " * 500 + b"]", count=b"-4"),
        with_content(b"<< /Length 4 /X " + b"[" * 50_000 + b" >>\nstream\nabcd\nendstream"),
    ],
)
def test_a_damaged_pdf_is_called_so(body: bytes) -> None:
    assert pdf_text(body).problem == BROKEN


@pytest.mark.parametrize(
    "body",
    [
        with_content(stream(b"/X Do " * 100)),
        with_content(stream(b"BT ET")).replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev 15"),
        with_content(stream(b"BT ET"), count=b"99999999"),
    ],
)
def test_a_pdf_that_leads_in_circles_comes_to_an_end(body: bytes) -> None:
    assert not pdf_text(body).text


def test_a_password_is_never_guessed() -> None:
    from sandbox.corpus import documents

    body = next(one.body for one in documents() if one.name == "encrypted.pdf")
    assert pdf_text(body).problem == ENCRYPTED
    shown = render(body, "application/pdf", URL)
    assert (shown.kind, ENCRYPTED in shown.text) == ("binary", True)
    assert render(body, "application/pdf", URL, "raw").kind == "binary"
