"""The other side of the wire for demos and tests: chain, token, facilitator and sellers."""
