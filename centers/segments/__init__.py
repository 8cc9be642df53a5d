"""Segments: which members a definition means, who of them is held out, and who may be written to."""
