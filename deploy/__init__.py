"""How Guichê is started: on one machine (local), against a simulated Meta (simulator)."""
