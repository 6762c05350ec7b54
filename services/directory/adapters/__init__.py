"""PostgreSQL, HTTP, passwords and the vault."""
