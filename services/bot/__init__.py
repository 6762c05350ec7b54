"""Answers before a person does; the service follows, its place is here."""
