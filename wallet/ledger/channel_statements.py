"""Every SQL statement about channels; each limit and each state is part of a WHERE."""

from __future__ import annotations

ADD_CHANNEL = """
    INSERT INTO channels (
        id, principal, origin, host, network_id, payer, receiver, receiver_authorizer, token,
        withdraw_delay_s, salt, deposit_salt, deposit_valid_before, deposited_atomic,
        deposited_usd_micros, created_at, state, evidence
    ) VALUES (
        :id, :principal, :origin, :host, :network_id, :payer, :receiver, :receiver_authorizer,
        :token, :withdraw_delay_s, :salt, :deposit_salt, :deposit_valid_before, :deposited_atomic,
        :deposited_usd_micros, :created_at, 'opening', 'unknown'
    )
"""
ADD_LINE = "INSERT INTO channel_lines (channel_id, scope, window_id) VALUES (?, ?, ?)"
ADD_ENTRY = """
    INSERT INTO channel_entries (channel_id, purchase_id, kind, amount_usd_micros, at)
    VALUES (?, ?, ?, ?, ?)
"""
FIND_RIVAL = """
    SELECT * FROM channels
    WHERE principal = :principal AND origin = :origin
        AND (state = 'opening' OR (
            state = 'open' AND drained_at IS NULL AND network_id = :network_id
            AND receiver = :receiver AND receiver_authorizer = :receiver_authorizer
            AND token = :token AND withdraw_delay_s = :withdraw_delay_s
            AND deposited_atomic - charged_atomic >= :amount_atomic
        ))
    ORDER BY created_at DESC LIMIT 1
"""
LEND = """
    UPDATE channels SET
        lent_usd_micros = lent_usd_micros + :usd_micros,
        signed_max_atomic = max(signed_max_atomic, charged_atomic + :atomic)
    WHERE id = :id AND state = :state AND drained_at IS NULL AND charged_atomic = :charged
        AND :atomic <= deposited_atomic - charged_atomic
        AND :usd_micros <= deposited_usd_micros - lent_usd_micros
"""
BORROW_LINES = """
    INSERT INTO budget_lines (purchase_id, scope, window_id)
    SELECT ?, scope, window_id FROM channel_lines WHERE channel_id = ?
"""
OPEN_PAGE = """
    SELECT * FROM purchases WHERE channel_id = ? AND state IN ('held', 'signed', 'unknown')
"""
HOLD_MORE = """
    UPDATE budgets SET held_usd_micros = held_usd_micros + ?
    WHERE (scope, window_id) IN (SELECT scope, window_id FROM channel_lines WHERE channel_id = ?)
"""
TAKE_BACK = "UPDATE channels SET lent_usd_micros = lent_usd_micros - ? WHERE id = ?"
CHARGE = """
    UPDATE channels SET charged_atomic = max(charged_atomic, ?) WHERE id = ?
"""
OPENED = """
    UPDATE channels SET
        state = CASE WHEN state = 'opening' THEN 'open' ELSE state END,
        evidence = CASE WHEN evidence = 'verified' THEN evidence ELSE :evidence END,
        tx_hash = coalesce(tx_hash, :tx_hash)
    WHERE id = :id AND state IN ('opening', 'open', 'closing')
"""
STOP = """
    UPDATE channels SET state = 'closing', note = CASE WHEN note = '' THEN :note ELSE note END
    WHERE id = :id AND state IN ('opening', 'open')
"""
DRAINED = """
    UPDATE channels SET drained_at = ? WHERE id = ? AND state IN ('open', 'closing')
"""
RELEASE = """
    UPDATE budgets SET
        held_usd_micros = held_usd_micros - :held, settled_usd_micros = settled_usd_micros + :taken
    WHERE (scope, window_id) IN (
        SELECT scope, window_id FROM channel_lines WHERE channel_id = :id
    )
"""
END = """
    UPDATE channels SET
        state = :state, closed_at = :now, claimed_atomic = :claimed
    WHERE id = :id AND state IN ('opening', 'open', 'closing')
"""
SETTLED_USD = """
    SELECT coalesce(sum(coalesce(charged_usd_micros, amount_usd_micros)), 0) FROM purchases
    WHERE channel_id = ? AND state = 'settled'
"""
PROVEN_PAGES = """
    SELECT id FROM purchases
    WHERE channel_id = ? AND state = 'settled' AND evidence = 'claimed' AND cumulative_atomic <= ?
"""
GET = "SELECT * FROM channels WHERE id = ?"
LIST = """
    SELECT * FROM channels WHERE (? OR state IN ('opening', 'open', 'closing'))
    ORDER BY created_at DESC, id LIMIT ?
"""
OF_ORIGIN = """
    SELECT * FROM channels
    WHERE principal = ? AND origin = ? AND state IN ('opening', 'open', 'closing')
    ORDER BY created_at, id
"""
REMEMBER = """
    INSERT INTO channel_places (method, place, channel_id, offer, at)
    VALUES (:method, :place, :channel_id, :offer, :at)
    ON CONFLICT (method, place) DO UPDATE SET
        channel_id = excluded.channel_id, offer = excluded.offer, at = excluded.at
"""
RECALL = "SELECT channel_id, offer, at FROM channel_places WHERE method = ? AND place = ?"
FORGET = "DELETE FROM channel_places WHERE method = ? AND place = ?"
LAST_URL = "SELECT url FROM purchases WHERE channel_id = ? ORDER BY id DESC LIMIT 1"
