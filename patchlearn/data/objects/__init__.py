"""Data sets out of what a program holds in memory."""
