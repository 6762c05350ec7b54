"""Use cases: an event, a reply, a timer, a flow to publish, an operator's order."""
