"""Learn the images of a labelled set: the networks and the loop that trains them."""
