"""What tests share: servers, builders, fakes; plain modules."""
