-- The signed payment of a purchase that settled and brought no good content yet: shown to the seller
-- again, it may still bring it. It can settle no second time.
CREATE TABLE kept_payments (
    purchase_id TEXT NOT NULL PRIMARY KEY REFERENCES purchases (id),
    payment TEXT NOT NULL
) STRICT, WITHOUT ROWID;
