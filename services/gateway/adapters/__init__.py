"""HTTP to the world and to the other services; topics."""
