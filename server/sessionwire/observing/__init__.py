"""What a process is doing, for those who watch: traces of changes, and the state of connections."""
