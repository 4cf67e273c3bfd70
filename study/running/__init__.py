"""Starting, resuming and showing a run: config -> tasks -> worker processes, and what must run again."""
