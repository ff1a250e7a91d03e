"""The layouts of data sets that can be read, one module for each."""
