"""Adapters of tickets: the store, Kafka, HTTP, the keys of contacts."""
