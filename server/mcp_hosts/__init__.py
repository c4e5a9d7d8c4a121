"""MCP hosts: where each keeps its list of servers, and how Purser is put into it."""
