"""One file for each layout of images and labels that can be read."""
