"""Many URLs in one call: their order, manners towards hosts, and what came of each."""
