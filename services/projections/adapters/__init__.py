"""PostgreSQL, Kafka, the feed of tickets, HTTP."""
