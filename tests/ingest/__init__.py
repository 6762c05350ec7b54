"""The front door: what it takes, what it refuses, and what it makes of it."""
