"""Paid tools and agents of other servers: the translation of what they ask into one wire form."""
