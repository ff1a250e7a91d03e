"""The command line: words, exit codes and tables; nothing is computed here."""
