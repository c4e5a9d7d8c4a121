-- How a purchase's money moves, and what a settlement took where that may be less than was held.
-- Rows of fetches that cost nothing have no method.
ALTER TABLE purchases ADD COLUMN transfer_method TEXT
    CHECK (transfer_method IN ('eip3009', 'permit2', 'upto', 'voucher'));
ALTER TABLE purchases ADD COLUMN facilitator TEXT
    CHECK (facilitator IS NULL OR transfer_method = 'upto');
ALTER TABLE purchases ADD COLUMN charged_atomic TEXT;
ALTER TABLE purchases ADD COLUMN charged_usd_micros INTEGER
    CHECK (
        (charged_usd_micros IS NULL) = (charged_atomic IS NULL)
        AND (
            charged_usd_micros IS NULL
            OR (
                state = 'settled' AND transfer_method IN ('upto', 'voucher')
                AND charged_usd_micros BETWEEN 0 AND amount_usd_micros
            )
        )
    );

UPDATE purchases SET transfer_method = 'eip3009' WHERE nonce IS NOT NULL;

CREATE TRIGGER purchases_have_a_method BEFORE INSERT ON purchases
WHEN (new.nonce IS NULL) <> (new.transfer_method IS NULL)
BEGIN
    SELECT raise(ABORT, 'what is signed has a method');
END;

CREATE TRIGGER purchases_keep_their_method
BEFORE UPDATE OF transfer_method, facilitator ON purchases
BEGIN
    SELECT raise(ABORT, 'the terms of a purchase never change');
END;

CREATE TRIGGER purchases_are_charged_once
BEFORE UPDATE OF charged_atomic, charged_usd_micros ON purchases
WHEN old.state = 'settled'
    AND (
        new.charged_atomic IS NOT old.charged_atomic
        OR new.charged_usd_micros IS NOT old.charged_usd_micros
    )
BEGIN
    SELECT raise(ABORT, 'a purchase is charged once');
END;
