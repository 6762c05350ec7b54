"""What is done when something is asked of the directory."""
