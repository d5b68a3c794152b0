"""Facts in, findings out: pure, so that every judgement is tested without a server."""
