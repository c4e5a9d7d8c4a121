-- What a person was asked and answered. The terms never change; state only moves forward; a request
-- pays for one purchase at most, and that purchase names it. `number` is the order of asking, which
-- no clock can change.
CREATE TABLE approvals (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL,
    principal TEXT NOT NULL,
    method TEXT NOT NULL,
    url TEXT NOT NULL,
    host TEXT NOT NULL,
    scheme TEXT NOT NULL,
    network_id TEXT NOT NULL,
    asset TEXT NOT NULL,
    pay_to TEXT NOT NULL,
    amount_atomic TEXT NOT NULL,
    amount_usd_micros INTEGER NOT NULL CHECK (amount_usd_micros >= 0),
    terms_sha256 TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL CHECK (expires_at > created_at),
    state TEXT NOT NULL
        CHECK (state IN ('pending', 'approved', 'denied', 'expired', 'consumed')),
    answered_at INTEGER,
    purchase_id TEXT UNIQUE REFERENCES purchases (id),
    CHECK ((state = 'consumed') = (purchase_id IS NOT NULL)),
    CHECK (state <> 'pending' OR answered_at IS NULL),
    CHECK (state NOT IN ('approved', 'denied', 'consumed') OR answered_at IS NOT NULL)
) STRICT;

CREATE UNIQUE INDEX approvals_one_live_per_key ON approvals (key)
    WHERE state IN ('pending', 'approved');
CREATE INDEX approvals_live ON approvals (expires_at) WHERE state IN ('pending', 'approved');
CREATE INDEX approvals_by_key ON approvals (key, number);

CREATE TRIGGER approvals_begin_unanswered BEFORE INSERT ON approvals WHEN new.state <> 'pending'
BEGIN
    SELECT raise(ABORT, 'an approval begins as a question');
END;

CREATE TRIGGER approvals_keep_their_terms
BEFORE UPDATE OF
    number, id, key, principal, method, url, host, scheme, network_id, asset, pay_to,
    amount_atomic, amount_usd_micros, terms_sha256, created_at, expires_at
ON approvals
BEGIN
    SELECT raise(ABORT, 'the terms of an approval never change');
END;

CREATE TRIGGER approvals_only_move_forward BEFORE UPDATE ON approvals
WHEN NOT (
    (old.state = 'pending' AND new.state IN ('approved', 'denied', 'expired'))
    OR (old.state = 'approved' AND new.state IN ('consumed', 'denied', 'expired'))
)
BEGIN
    SELECT raise(ABORT, 'an approval only moves forward');
END;

CREATE TRIGGER approvals_in_use_are_kept BEFORE DELETE ON approvals
WHEN old.state NOT IN ('denied', 'expired')
BEGIN
    SELECT raise(ABORT, 'an approval that is live or was used is never deleted');
END;

ALTER TABLE purchases ADD COLUMN approval_id TEXT REFERENCES approvals (id);

CREATE UNIQUE INDEX purchases_one_per_approval ON purchases (approval_id)
    WHERE approval_id IS NOT NULL;

CREATE TRIGGER purchases_keep_their_approval BEFORE UPDATE OF approval_id ON purchases
BEGIN
    SELECT raise(ABORT, 'the terms of a purchase never change');
END;
