"""Who may see and do what, in the words of the public API."""
