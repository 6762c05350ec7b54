"""The read models: everything that a screen asks, disposable and folded from tickets.events."""
