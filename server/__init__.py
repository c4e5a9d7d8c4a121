"""The MCP application and the command line; the only room that imports `mcp`."""
