"""One MCP tool per file, and the guarded web exchange; imports `wallet`, never `server`."""
