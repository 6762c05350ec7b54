"""From an item as Meta wrote it to a normalised one; what cannot be read is kept as it came."""
