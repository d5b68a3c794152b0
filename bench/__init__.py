"""Side-by-side benchmarks of the server and of what people would use instead: `python -m bench`."""
