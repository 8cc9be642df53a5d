"""Outboxes in the shops: which of their records came in, and which are missing."""
