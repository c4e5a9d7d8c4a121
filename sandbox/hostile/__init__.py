"""A seller that plays each known attack by path, beside honest ones that have to be paid."""
