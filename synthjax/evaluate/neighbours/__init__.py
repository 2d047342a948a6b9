"""The training images nearest to synthetic ones."""
