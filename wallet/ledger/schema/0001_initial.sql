-- Amounts are whole micro-USD in 64 bits (STRICT tables refuse the REAL that SQLite makes of an
-- overflow); token amounts are decimal TEXT because they may need 256 bits. Times are unix seconds.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The present state of each purchase. The terms never change; state only moves forward.
CREATE TABLE purchases (
    id TEXT NOT NULL PRIMARY KEY,
    key TEXT NOT NULL,
    principal TEXT NOT NULL,
    method TEXT NOT NULL,
    url TEXT NOT NULL,
    host TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('free', 'held', 'signed', 'unknown', 'settled', 'void')),
    evidence TEXT NOT NULL CHECK (evidence IN ('verified', 'claimed', 'unknown', 'none')),
    created_at INTEGER NOT NULL,
    settled_at INTEGER,
    pay_again INTEGER NOT NULL CHECK (pay_again IN (0, 1)),
    rail TEXT,
    scheme TEXT,
    network_id TEXT,
    asset TEXT,
    payer TEXT,
    pay_to TEXT,
    amount_atomic TEXT,
    valid_after INTEGER,
    valid_before INTEGER,
    nonce TEXT,
    amount_usd_micros INTEGER CHECK (amount_usd_micros >= 0),
    signed_payment TEXT,
    tx_hash TEXT,
    http_status INTEGER,
    content_type TEXT,
    body_bytes INTEGER,
    body_sha256 TEXT,
    notes TEXT NOT NULL,
    CHECK ((state = 'settled') = (settled_at IS NOT NULL)),
    CHECK (signed_payment IS NULL OR state IN ('signed', 'unknown')),
    CHECK (
        (state = 'free') = (
            coalesce(
                rail, scheme, network_id, asset, payer, pay_to, amount_atomic, valid_after,
                valid_before, nonce, amount_usd_micros
            ) IS NULL
        )
    ),
    CHECK (
        state = 'free'
        OR (
            rail IS NOT NULL AND scheme IS NOT NULL AND network_id IS NOT NULL
            AND asset IS NOT NULL AND payer IS NOT NULL AND pay_to IS NOT NULL
            AND amount_atomic IS NOT NULL AND valid_after IS NOT NULL
            AND valid_before IS NOT NULL AND nonce IS NOT NULL AND amount_usd_micros IS NOT NULL
        )
    )
) STRICT;

CREATE UNIQUE INDEX purchases_one_open_per_key ON purchases (key)
    WHERE state IN ('held', 'signed', 'unknown');
CREATE UNIQUE INDEX purchases_one_nonce
    ON purchases (network_id, payer COLLATE NOCASE, nonce COLLATE NOCASE)
    WHERE nonce IS NOT NULL;
CREATE INDEX purchases_paid_by_key ON purchases (key, id) WHERE state NOT IN ('free', 'void');
CREATE INDEX purchases_settled_by_key ON purchases (key, settled_at) WHERE state = 'settled';
CREATE INDEX purchases_held_at ON purchases (created_at) WHERE state <> 'free';
CREATE INDEX purchases_open ON purchases (id) WHERE state IN ('held', 'signed', 'unknown');

CREATE TRIGGER purchases_are_kept BEFORE DELETE ON purchases
BEGIN
    SELECT raise(ABORT, 'purchases are never deleted');
END;

CREATE TRIGGER purchases_keep_their_terms
BEFORE UPDATE OF
    id, key, principal, method, url, host, created_at, pay_again, rail, scheme, network_id, asset,
    payer, pay_to, amount_atomic, valid_after, valid_before, nonce, amount_usd_micros
ON purchases
BEGIN
    SELECT raise(ABORT, 'the terms of a purchase never change');
END;

CREATE TRIGGER purchases_end_once BEFORE UPDATE OF state ON purchases
WHEN old.state IN ('free', 'settled', 'void') AND new.state <> old.state
BEGIN
    SELECT raise(ABORT, 'a finished purchase never changes its state');
END;

-- What happened, in order; the budgets are a fold of it and can be proved from it.
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    purchase_id TEXT NOT NULL REFERENCES purchases (id),
    kind TEXT NOT NULL
        CHECK (kind IN ('hold', 'sign', 'settle', 'void', 'unknown', 'note', 'free')),
    amount_usd_micros INTEGER NOT NULL CHECK (amount_usd_micros >= 0),
    at INTEGER NOT NULL,
    detail TEXT
) STRICT;

CREATE UNIQUE INDEX entries_begin_once ON entries (purchase_id) WHERE kind IN ('hold', 'free');
CREATE UNIQUE INDEX entries_resolve_once ON entries (purchase_id) WHERE kind IN ('settle', 'void');

CREATE TRIGGER entries_are_not_rewritten BEFORE UPDATE ON entries
BEGIN
    SELECT raise(ABORT, 'entries are append-only');
END;

CREATE TRIGGER entries_are_kept BEFORE DELETE ON entries
BEGIN
    SELECT raise(ABORT, 'entries are append-only');
END;

-- window_id is a UTC day such as 2026-11-21, or total.
CREATE TABLE budgets (
    scope TEXT NOT NULL,
    window_id TEXT NOT NULL,
    held_usd_micros INTEGER NOT NULL DEFAULT 0 CHECK (held_usd_micros >= 0),
    settled_usd_micros INTEGER NOT NULL DEFAULT 0 CHECK (settled_usd_micros >= 0),
    PRIMARY KEY (scope, window_id),
    CHECK (held_usd_micros <= 9223372036854775807 - settled_usd_micros)
) STRICT, WITHOUT ROWID;

-- The budgets a hold counts in, so that settling or voiding it on a later day moves the same rows.
CREATE TABLE budget_lines (
    purchase_id TEXT NOT NULL REFERENCES purchases (id),
    scope TEXT NOT NULL,
    window_id TEXT NOT NULL,
    PRIMARY KEY (purchase_id, scope, window_id),
    FOREIGN KEY (scope, window_id) REFERENCES budgets (scope, window_id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER budget_lines_are_not_rewritten BEFORE UPDATE ON budget_lines
BEGIN
    SELECT raise(ABORT, 'budget lines are append-only');
END;

CREATE TRIGGER budget_lines_are_kept BEFORE DELETE ON budget_lines
BEGIN
    SELECT raise(ABORT, 'budget lines are append-only');
END;
