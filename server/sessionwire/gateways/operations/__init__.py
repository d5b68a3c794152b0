"""For those who run a server: its health, and its metrics."""
