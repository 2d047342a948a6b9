"""The pictures that a person looks at beside the numbers."""
