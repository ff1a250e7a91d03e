"""Pixels out of files: opening, colours, bands, masks."""
