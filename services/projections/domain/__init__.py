"""Pure folds: a published event and what was there before, to what is there now."""
