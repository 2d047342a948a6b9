"""The networks that classify, and the weights they can start from."""
