"""Portuguese for what a person reads."""
