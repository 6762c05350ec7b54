"""The tickets service: the event-sourced heart."""
