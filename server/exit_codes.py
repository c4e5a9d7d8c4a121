"""How the `purser` command ends, in one table: the code, and what it means."""

from __future__ import annotations

DONE, FAILED, USAGE, REFUSED, INTERRUPTED = 0, 1, 2, 3, 130
"""130 is what a shell shows for a program that SIGINT ended."""

MEANINGS = {
    DONE: "done",
    FAILED: "failed",
    USAGE: "wrong usage",
    REFUSED: "refused by the limits",
    INTERRUPTED: "ended by Ctrl-C",
}

OF_MANY = (
    f"Of many URLs, purser fetch ends with {DONE} when all came, {FAILED} when one failed, "
    f"{REFUSED} when only limits kept any out, and {INTERRUPTED} when Ctrl-C left any."
)


def exit_codes_told() -> str:
    """Return the table as a sentence, and what the codes mean for many URLs."""
    told = ", ".join(f"{code} {meaning}" for code, meaning in MEANINGS.items())
    return f"Exit codes: {told}. {OF_MANY}"
