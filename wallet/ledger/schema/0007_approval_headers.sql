-- The headers that the caller gave along, as their number and their SHA-256: never a value of them.
-- Empty where there were none, as in every approval from before this column.
ALTER TABLE approvals ADD COLUMN headers TEXT NOT NULL DEFAULT '' CHECK (
    headers = '' OR (
        CAST(headers AS INTEGER) > 0
        AND headers = CAST(CAST(headers AS INTEGER) AS TEXT) || ' ' || substr(headers, -64)
    )
);

CREATE TRIGGER approvals_keep_their_headers BEFORE UPDATE OF headers ON approvals
BEGIN
    SELECT raise(ABORT, 'the terms of an approval never change');
END;
