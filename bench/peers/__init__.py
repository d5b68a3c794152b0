"""The servers that are compared with, each started as a process of its own."""
