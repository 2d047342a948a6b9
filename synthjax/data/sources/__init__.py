"""One module per way data arrives: a config, its records, and their schema."""
