"""How far synthetic images are from real ones, beside how far real ones are."""
