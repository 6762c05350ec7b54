"""The published language: every message and HTTP body that crosses a process border."""
