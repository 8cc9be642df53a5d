"""Segments of members: `reading` what is known, `building` a snapshot of a definition, `exporting` it to a file."""
