"""What the services share: the published language, and glue without a business word."""
