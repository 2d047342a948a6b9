"""Export a finished set as files that other tools open."""
