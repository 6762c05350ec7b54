"""One story per feature, through the public API of a whole system."""
