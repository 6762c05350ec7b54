"""The only one that talks to Meta: each message at most once, its fate on outbound.events."""
