"""Tools of MCP servers: described in a file, called over a connection of the process."""
