"""Scripted customers: who they are, what they say, and how they answer."""
