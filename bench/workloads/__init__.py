"""The workloads: each starts its contenders, measures them in turns, and gives rows."""
