"""What the services share: the published language (contracts) and glue without a business word (plumbing)."""
