"""The ledger: who was promised what, what was settled, and what every cap has left."""
