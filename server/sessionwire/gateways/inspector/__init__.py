"""For those who may watch: what this process is doing, over HTTP."""
