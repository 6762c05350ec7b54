"""The front door: webhooks of Meta in, normalised items on Kafka out; stores nothing."""
