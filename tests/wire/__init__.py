"""Delivery on a real Kafka and a real PostgreSQL: order, redelivery, parking, what is away."""
