"""Looks at a MongoDB and says what it saw; what that means is for the doctor to say.

Nothing here writes, but for the one probe that says so.
"""
