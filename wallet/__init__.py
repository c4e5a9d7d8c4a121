"""The money: policy, ledger, keys, chain and payment rails; knows nothing of MCP or of pages."""
