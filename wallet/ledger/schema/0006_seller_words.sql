-- What the seller signed about a purchase, as it came: the offer before it and the receipt after.
-- It is evidence for a person to show; no decision reads it.
CREATE TABLE seller_words (
    purchase_id TEXT NOT NULL PRIMARY KEY REFERENCES purchases (id),
    offer TEXT CHECK (length(CAST(offer AS BLOB)) <= 16384),
    receipt TEXT CHECK (length(CAST(receipt AS BLOB)) <= 16384)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER seller_words_are_kept BEFORE DELETE ON seller_words
BEGIN
    SELECT raise(ABORT, 'what a seller signed is kept');
END;

CREATE TRIGGER seller_words_do_not_change BEFORE UPDATE ON seller_words
WHEN (old.offer IS NOT NULL AND new.offer IS NOT old.offer)
    OR (old.receipt IS NOT NULL AND new.receipt IS NOT old.receipt)
BEGIN
    SELECT raise(ABORT, 'what a seller signed does not change');
END;
