"""Meta's Cloud API with customers who write: foreign to the services, so it imports none."""
