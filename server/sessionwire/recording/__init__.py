"""Changes of sessions written down without what is private, and played again without MongoDB."""
