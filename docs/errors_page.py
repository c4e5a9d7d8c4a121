"""The generated page of error codes."""

from __future__ import annotations

from page_parts import table

from wallet.errors import ErrorKind, PurserError

_ERRORS = """\
# Errors

A refusal or failure is a tool result with `isError` set. Its text is one line under 1,000
characters: what happened, whether money moved, what to do, and whether to try again. The same is in
`_meta["purser/error"]`:

{meta}

No text of a seller is quoted in an error.

*Retry* says whether the same call may succeed later; a single failure can say otherwise in its own
`retryable`. *Refusal* means that your own rules said no; a `purser` command then exits with 3, and
with 1 for any other error. A refusal comes before anything is signed.

{codes}

## When approval is needed

A price above `budget.approval_above` waits for you. The first call is refused with
`approval_required`, and the request is written down under `approval_id`. You see its terms and
answer with `purser approve ID` or `purser deny ID`; then the same call pays, once, if its terms are
still those. [How it works](how-it-works.md#approvals) has the rest.
"""

_ERROR_META = {
    "code": "one of the codes below",
    "title": "what the code means, in a few words",
    "hint": "what to do about it",
    "retryable": "`true` when the same call may succeed later",
    "spent": "whether money moved: `no`, `yes` or `unknown`",
    "receipt_id": "the purchase this is about, or `null`",
    "approval_id": "the request for approval this is about, or `null`",
    "offers": "for each offer of the seller, why it was refused; at most 20",
}


def errors_page() -> str:
    """Return the page of error codes, from `wallet/errors.py`."""
    meta = PurserError(ErrorKind.TIMEOUT, "").meta()
    rows = [
        [
            f"`{kind.value.code}`",
            kind.value.title,
            kind.value.hint,
            "yes" if kind.value.retryable else "no",
            "yes" if kind.value.refusal else "no",
        ]
        for kind in ErrorKind
    ]
    return _ERRORS.format(
        meta=table(["field", "meaning"], [[f"`{name}`", _ERROR_META[name]] for name in meta]),
        codes=table(["code", "what happened", "what to do", "retry", "refusal"], rows),
    )
