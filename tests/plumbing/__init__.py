"""Each module of `shared/plumbing` by itself."""
