"""Old and new can talk: examples, stored fields, the registry of topics."""
