"""The whole system on one machine: PostgreSQL, Kafka, the services, under one supervisor."""
