"""Every SQL statement of the SQLite ledger; each limit and each state is part of a WHERE."""

from __future__ import annotations

FIND_OPEN = """
    SELECT * FROM purchases WHERE state IN ('held', 'signed', 'unknown') AND key = ?
"""
FIND_NONCE = """
    SELECT 1 FROM purchases
    WHERE network_id = ? AND payer = ? COLLATE NOCASE AND nonce = ? COLLATE NOCASE
"""
LIST_OPEN = """
    SELECT * FROM purchases WHERE state IN ('held', 'signed', 'unknown') ORDER BY id
"""
FIND_REPEAT = """
    SELECT * FROM purchases
    WHERE state = 'settled' AND key = ? AND settled_at > ? AND pay_again >= ?
    ORDER BY id DESC LIMIT 1
"""
FIND_GIVEN_UP = """
    SELECT purchases.* FROM channels CROSS JOIN purchases ON purchases.channel_id = channels.id
    WHERE purchases.channel_id IS NOT NULL AND purchases.key = :key AND purchases.state = 'void'
        AND purchases.created_at > :since AND purchases.pay_again >= :pay_again
        AND channels.id IS NOT :channel_id AND channels.state IN ('opening', 'open', 'closing')
        AND purchases.cumulative_atomic > channels.charged_atomic
        AND EXISTS (
            SELECT 1 FROM entries
            WHERE purchase_id = purchases.id AND kind IN ('settle', 'void')
                AND detail NOT LIKE 'never sent%'
        )
    ORDER BY purchases.id DESC LIMIT 1
"""
COUNT_RECENT = """
    SELECT count(*) FROM (
        SELECT 1 FROM purchases WHERE state <> 'free' AND created_at > ? LIMIT ?
    )
"""
NEWEST_DAY = "SELECT value FROM meta WHERE name = 'newest_day'"
SAVE_NEWEST_DAY = """
    INSERT INTO meta (name, value) VALUES ('newest_day', ?)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE excluded.value > value
"""
BALANCES_OF = """
    SELECT scope, held_usd_micros, settled_usd_micros FROM budgets WHERE window_id = ?
    ORDER BY scope
"""
OPEN_BUDGET = "INSERT OR IGNORE INTO budgets (scope, window_id) VALUES (?, ?)"
RESERVE = """
    UPDATE budgets SET held_usd_micros = held_usd_micros + ?
    WHERE scope = ? AND window_id = ? AND held_usd_micros + settled_usd_micros <= ?
"""
NEWEST_CALL_TOTAL = """
    SELECT max(scope) FROM budgets
    WHERE scope > :prefix AND scope < :prefix || ':' AND window_id = 'total'
"""
HAS_LINE = """
    SELECT 1 FROM budget_lines WHERE purchase_id = ? AND scope = ? AND window_id = ?
"""
BALANCE = """
    SELECT held_usd_micros, settled_usd_micros FROM budgets WHERE scope = ? AND window_id = ?
"""
ADD_LINE = "INSERT INTO budget_lines (purchase_id, scope, window_id) VALUES (?, ?, ?)"
ADD_PURCHASE = """
    INSERT INTO purchases (
        id, key, principal, method, url, host, state, evidence, created_at, settled_at, pay_again,
        rail, scheme, network_id, asset, payer, pay_to, amount_atomic, valid_after, valid_before,
        nonce, amount_usd_micros, tx_hash, http_status, content_type, body_bytes, body_sha256,
        notes, approval_id, transfer_method, facilitator, charged_atomic, charged_usd_micros,
        channel_id, cumulative_atomic
    ) VALUES (
        :id, :key, :principal, :method, :url, :host, :state, :evidence, :created_at, :settled_at,
        :pay_again, :rail, :scheme, :network_id, :asset, :payer, :pay_to, :amount_atomic,
        :valid_after, :valid_before, :nonce, :amount_usd_micros, :tx_hash, :http_status,
        :content_type, :body_bytes, :body_sha256, :notes, :approval_id, :transfer_method,
        :facilitator, :charged_atomic, :charged_usd_micros, :channel_id, :cumulative_atomic
    )
"""
ADD_ENTRY = """
    INSERT INTO entries (purchase_id, kind, amount_usd_micros, at, detail)
    SELECT
        id, :kind,
        CASE
            WHEN :kind = 'settle' THEN coalesce(charged_usd_micros, amount_usd_micros)
            ELSE coalesce(amount_usd_micros, 0)
        END,
        :at, :detail
    FROM purchases WHERE id = :id
"""
SIGN = """
    UPDATE purchases SET state = 'signed', evidence = 'unknown', signed_payment = ?
    WHERE id = ? AND state = 'held'
"""
MOVE_ON = """
    UPDATE purchases SET
        state = :state, evidence = :evidence, settled_at = :settled_at, tx_hash = :tx_hash,
        http_status = :http_status, content_type = :content_type, body_bytes = :body_bytes,
        body_sha256 = :body_sha256, notes = :notes,
        charged_atomic = :charged_atomic, charged_usd_micros = :charged_usd_micros,
        signed_payment = CASE WHEN :state IN ('signed', 'unknown') THEN signed_payment END
    WHERE id = :id AND state = :from_state
"""
RESOLVE = """
    UPDATE budgets SET
        held_usd_micros = held_usd_micros - ?, settled_usd_micros = settled_usd_micros + ?
    WHERE (scope, window_id) IN (
        SELECT scope, window_id FROM budget_lines WHERE purchase_id = ?
    )
"""
GET = "SELECT * FROM purchases WHERE id = ?"
LATEST = """
    SELECT * FROM purchases WHERE key = ? AND state NOT IN ('free', 'void')
    ORDER BY id DESC LIMIT 1
"""
LIST = """
    SELECT * FROM purchases
    WHERE (:host IS NULL OR host = :host)
        AND (:states = '' OR instr(:states, ' ' || state || ' ') > 0)
        AND (:since IS NULL OR created_at >= :since)
        AND (:until IS NULL OR created_at < :until)
        AND (
            :text IS NULL OR instr(lower(url), :text) > 0 OR instr(id, :text) > 0
            OR instr(coalesce(lower(tx_hash), ''), :text) > 0
        )
        AND (:before_id IS NULL OR id < :before_id)
    ORDER BY id DESC LIMIT :limit
"""
GET_SIGNED = """
    SELECT coalesce(signed_payment, payment) FROM purchases
    LEFT JOIN kept_payments ON purchase_id = id
    WHERE id = ?
"""
KEEP_PAYMENT = """
    INSERT INTO kept_payments (purchase_id, payment)
    SELECT id, signed_payment FROM purchases WHERE id = ? AND signed_payment IS NOT NULL
"""
DROP_PAYMENT = "DELETE FROM kept_payments WHERE purchase_id = ?"

APPROVAL_CLOCK = "SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'approval_clock'"
SET_APPROVAL_CLOCK = """
    INSERT INTO meta (name, value) VALUES ('approval_clock', ?)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE excluded.value <> value
"""
EXPIRE_ALL = "UPDATE approvals SET state = 'expired' WHERE state IN ('pending', 'approved')"
EXPIRE_DUE = EXPIRE_ALL + " AND expires_at <= ?"
EXPIRE_ONE = EXPIRE_ALL + " AND id = ?"
EXPIRE_OLDEST = """
    UPDATE approvals SET state = 'expired' WHERE number IN (
        SELECT number FROM approvals WHERE state = 'pending' AND principal = ?
        ORDER BY number DESC LIMIT -1 OFFSET ?
    )
"""
FORGET_UNUSED = """
    DELETE FROM approvals
    WHERE (state = 'expired' OR (state = 'denied' AND expires_at <= :now)) AND number <= (
        SELECT number FROM approvals WHERE state IN ('denied', 'expired')
        ORDER BY number DESC LIMIT 1 OFFSET :kept
    )
"""
ADD_APPROVAL = """
    INSERT INTO approvals (
        id, key, principal, method, url, host, scheme, network_id, asset, pay_to, amount_atomic,
        amount_usd_micros, headers, terms_sha256, created_at, expires_at, state
    ) VALUES (
        :id, :key, :principal, :method, :url, :host, :scheme, :network_id, :asset, :pay_to,
        :amount_atomic, :amount_usd_micros, :headers, :terms_sha256, :created_at, :expires_at,
        'pending'
    )
"""
ANSWER_APPROVAL = """
    UPDATE approvals SET state = :state, answered_at = :now
    WHERE id = :id AND (state = 'pending' OR (state = 'approved' AND :state = 'denied'))
"""
FIND_APPROVED = """
    SELECT id FROM approvals WHERE state = 'approved' AND key = ? AND terms_sha256 = ?
"""
CONSUME_APPROVAL = """
    UPDATE approvals SET state = 'consumed', purchase_id = :purchase_id
    WHERE id = :id AND state = 'approved' AND terms_sha256 = :terms_sha256
"""
GET_APPROVAL = "SELECT * FROM approvals WHERE id = ?"
LATEST_APPROVAL = "SELECT * FROM approvals WHERE key = ? ORDER BY number DESC LIMIT 1"
LIST_APPROVALS = """
    SELECT * FROM approvals WHERE (? OR state = 'pending') ORDER BY number DESC LIMIT ?
"""
