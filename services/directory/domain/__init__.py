"""Rules about what is set up."""
