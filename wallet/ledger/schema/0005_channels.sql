-- Payment channels: one deposit each, held whole in the budgets of the day it is made. A page bought
-- through a channel is lent its price out of that hold, and gives back what it did not cost. What is
-- left is freed only when the chain shows that nobody can claim it any more. The terms never change;
-- state, charges and promises only move forward. Token amounts fit in 64 bits: a deposit is at most
-- so many micro-USD, and no token of a channel has more than six decimals.
CREATE TABLE channels (
    id TEXT NOT NULL PRIMARY KEY,
    principal TEXT NOT NULL,
    origin TEXT NOT NULL,
    host TEXT NOT NULL,
    network_id TEXT NOT NULL,
    payer TEXT NOT NULL,
    receiver TEXT NOT NULL,
    receiver_authorizer TEXT NOT NULL,
    token TEXT NOT NULL,
    withdraw_delay_s INTEGER NOT NULL,
    salt TEXT NOT NULL,
    deposit_salt TEXT NOT NULL,
    deposit_valid_before INTEGER NOT NULL,
    deposited_atomic INTEGER NOT NULL CHECK (deposited_atomic > 0),
    deposited_usd_micros INTEGER NOT NULL CHECK (deposited_usd_micros > 0),
    created_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('opening', 'open', 'closing', 'closed', 'failed')),
    evidence TEXT NOT NULL CHECK (evidence IN ('verified', 'claimed', 'unknown')),
    tx_hash TEXT,
    charged_atomic INTEGER NOT NULL DEFAULT 0 CHECK (charged_atomic >= 0),
    signed_max_atomic INTEGER NOT NULL DEFAULT 0,
    lent_usd_micros INTEGER NOT NULL DEFAULT 0 CHECK (lent_usd_micros >= 0),
    drained_at INTEGER,
    closed_at INTEGER,
    claimed_atomic INTEGER,
    note TEXT NOT NULL DEFAULT '',
    CHECK (charged_atomic <= signed_max_atomic AND signed_max_atomic <= deposited_atomic),
    CHECK (lent_usd_micros <= deposited_usd_micros),
    CHECK ((state IN ('closed', 'failed')) = (closed_at IS NOT NULL)),
    CHECK ((state = 'closed') = (claimed_atomic IS NOT NULL))
) STRICT;

CREATE INDEX channels_by_origin ON channels (origin, created_at);
CREATE UNIQUE INDEX channels_one_opening ON channels (principal, origin) WHERE state = 'opening';
CREATE INDEX channels_live ON channels (created_at) WHERE state IN ('opening', 'open', 'closing');

CREATE TRIGGER channels_begin_empty BEFORE INSERT ON channels
WHEN new.state <> 'opening' OR new.charged_atomic <> 0 OR new.lent_usd_micros <> 0
BEGIN
    SELECT raise(ABORT, 'a channel begins with a deposit and nothing charged');
END;

CREATE TRIGGER channels_keep_their_terms
BEFORE UPDATE OF
    id, principal, origin, host, network_id, payer, receiver, receiver_authorizer, token,
    withdraw_delay_s, salt, deposit_salt, deposit_valid_before, deposited_atomic,
    deposited_usd_micros, created_at
ON channels
BEGIN
    SELECT raise(ABORT, 'the terms of a channel never change');
END;

CREATE TRIGGER channels_only_move_forward BEFORE UPDATE ON channels
WHEN new.charged_atomic < old.charged_atomic
    OR new.signed_max_atomic < old.signed_max_atomic
    OR NOT (
        new.state = old.state
        OR (old.state = 'opening' AND new.state IN ('open', 'closing', 'failed'))
        OR (old.state = 'open' AND new.state IN ('closing', 'closed'))
        OR (old.state = 'closing' AND new.state IN ('closed', 'failed'))
    )
BEGIN
    SELECT raise(ABORT, 'a channel only moves forward');
END;

CREATE TRIGGER channels_are_kept BEFORE DELETE ON channels
BEGIN
    SELECT raise(ABORT, 'channels are never deleted');
END;

-- What happened to a channel's own hold, in order. `lend` and `return` name the page.
CREATE TABLE channel_entries (
    id INTEGER PRIMARY KEY,
    channel_id TEXT NOT NULL REFERENCES channels (id),
    purchase_id TEXT REFERENCES purchases (id),
    kind TEXT NOT NULL CHECK (kind IN ('deposit', 'lend', 'return', 'claim', 'free')),
    amount_usd_micros INTEGER NOT NULL CHECK (amount_usd_micros >= 0),
    at INTEGER NOT NULL,
    CHECK ((purchase_id IS NOT NULL) = (kind IN ('lend', 'return')))
) STRICT;

CREATE INDEX channel_entries_by_channel ON channel_entries (channel_id);
CREATE UNIQUE INDEX channel_entries_once ON channel_entries (channel_id, kind)
    WHERE kind IN ('deposit', 'claim', 'free');

CREATE TRIGGER channel_entries_are_not_rewritten BEFORE UPDATE ON channel_entries
BEGIN
    SELECT raise(ABORT, 'entries are append-only');
END;

CREATE TRIGGER channel_entries_are_kept BEFORE DELETE ON channel_entries
BEGIN
    SELECT raise(ABORT, 'entries are append-only');
END;

-- The budgets that a deposit counts in, and with it every page bought through the channel.
CREATE TABLE channel_lines (
    channel_id TEXT NOT NULL REFERENCES channels (id),
    scope TEXT NOT NULL,
    window_id TEXT NOT NULL,
    PRIMARY KEY (channel_id, scope, window_id),
    FOREIGN KEY (scope, window_id) REFERENCES budgets (scope, window_id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER channel_lines_are_not_rewritten BEFORE UPDATE ON channel_lines
BEGIN
    SELECT raise(ABORT, 'budget lines are append-only');
END;

CREATE TRIGGER channel_lines_are_kept BEFORE DELETE ON channel_lines
BEGIN
    SELECT raise(ABORT, 'budget lines are append-only');
END;

-- What a page last cost, by where it lies, so that the next one there is paid with the first request.
CREATE TABLE channel_places (
    method TEXT NOT NULL,
    place TEXT NOT NULL,
    channel_id TEXT NOT NULL REFERENCES channels (id),
    offer TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (method, place)
) STRICT, WITHOUT ROWID;

ALTER TABLE purchases ADD COLUMN channel_id TEXT REFERENCES channels (id);
ALTER TABLE purchases ADD COLUMN cumulative_atomic INTEGER
    CHECK ((cumulative_atomic IS NULL) = (channel_id IS NULL));

-- One voucher of a channel at a time, whichever process signs it.
CREATE UNIQUE INDEX purchases_one_open_per_channel ON purchases (channel_id)
    WHERE channel_id IS NOT NULL AND state IN ('held', 'signed', 'unknown');
CREATE INDEX purchases_by_channel ON purchases (channel_id, cumulative_atomic)
    WHERE channel_id IS NOT NULL;

CREATE TRIGGER purchases_keep_their_channel
BEFORE UPDATE OF channel_id, cumulative_atomic ON purchases
BEGIN
    SELECT raise(ABORT, 'the terms of a purchase never change');
END;

CREATE TRIGGER purchases_by_voucher_have_a_channel BEFORE INSERT ON purchases
WHEN (new.channel_id IS NULL) = (new.transfer_method IS 'voucher')
BEGIN
    SELECT raise(ABORT, 'what is paid by voucher is paid through a channel');
END;
