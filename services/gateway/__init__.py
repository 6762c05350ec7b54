"""The public edge: what a frontend talks to."""
