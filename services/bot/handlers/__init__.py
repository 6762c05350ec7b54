"""What happens when a message, a reply or a timer comes."""
