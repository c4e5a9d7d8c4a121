"""Reading what was fetched: HTML, PDF, tables, JSON and the rest, as bounded text for a model."""
