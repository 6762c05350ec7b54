"""The services of Guichê; they meet only through shared.contracts."""
