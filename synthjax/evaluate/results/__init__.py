"""What results.json holds: one frozen dataclass for each of its objects."""
