"""What is shown to integrators works."""
