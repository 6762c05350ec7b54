"""What an answer means, when to try again, how fast, in which window; no I/O."""
