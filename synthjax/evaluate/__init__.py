"""What synthetic images are worth: measured on real test images, with intervals."""
