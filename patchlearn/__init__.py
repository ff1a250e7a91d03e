"""Segmentation masks from image tags."""
