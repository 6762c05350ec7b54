"""Kafka, PostgreSQL, the feed, files."""
