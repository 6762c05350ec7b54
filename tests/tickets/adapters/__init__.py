"""Tests of the adapters of tickets on real PostgreSQL and Kafka."""
