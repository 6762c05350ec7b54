"""HTTP in, Kafka out, and what ingest must know of directory and of tickets' backlog."""
