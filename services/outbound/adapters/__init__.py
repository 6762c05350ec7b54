"""PostgreSQL, Kafka, Meta's API, and what outbound must know of directory."""
