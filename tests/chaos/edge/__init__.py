"""The shops' outboxes under chaos: killed, cut off from power and from the line, damaged, and all back at once."""
