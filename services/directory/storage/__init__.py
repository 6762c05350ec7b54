"""SQL of the schema `directory`: functions that take a connection, so that callers own commits."""
