"""Gathers facts about this machine and the public address; judges nothing."""
