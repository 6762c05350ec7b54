"""What a flow is, and what a session does by it: pure."""
