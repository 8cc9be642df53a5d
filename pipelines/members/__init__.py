"""Members as people ask for them and rule on them: looked up, shown, explained, cut and erased.

What stands here reads the topics themselves, and rules by writing to `event.ruling`; the jobs do the rest.
"""
