"""Who signed a webhook, what is in it, and what each item means; no I/O."""
