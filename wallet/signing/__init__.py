"""The only ways to a signature: each reads what it signs from the ledger, and signs that alone."""
