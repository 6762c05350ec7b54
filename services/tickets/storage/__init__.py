"""The event store on PostgreSQL: what is appended, how it is judged, loaded and remembered."""
