"""The stream of one service episode."""
