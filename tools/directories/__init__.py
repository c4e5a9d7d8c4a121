"""Directories of paid services: read, cached, ranked, and never believed."""
