"""Public data sets: what of them is in a folder, what is missing, and where their owners publish it.

Nothing is downloaded, and nothing is written among the owners' files. One module for each data set defines `look`.
"""
