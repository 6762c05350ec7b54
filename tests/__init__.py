"""Guichê's tests: each folder says what it asks."""
