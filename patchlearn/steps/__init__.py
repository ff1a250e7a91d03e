"""What a step does: its settings and its work, from files to files; one file a step."""
