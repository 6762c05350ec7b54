"""The tables of the read models: schemas, checkpoints, batches, and which model readers see."""
