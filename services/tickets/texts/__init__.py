"""Words of people, by language."""
