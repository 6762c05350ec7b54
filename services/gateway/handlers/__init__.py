"""What is done for a connected screen."""
