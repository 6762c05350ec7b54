"""What a customer or an agent reads, unless the flow says it otherwise."""
