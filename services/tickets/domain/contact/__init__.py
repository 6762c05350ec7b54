"""The stream of a person or group."""
