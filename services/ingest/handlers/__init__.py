"""What ingest does with a webhook."""
