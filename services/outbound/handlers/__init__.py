"""Commands in, attempts out, fates told."""
