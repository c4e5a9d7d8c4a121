"""Connections to the servers whose tools are re-exported; nothing here decides about money."""
