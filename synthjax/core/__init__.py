"""What every stage shares: the study map, config, devices, randomness, checkpoints."""
