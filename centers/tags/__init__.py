"""Tags: what is said of a member by a definition. `life_cycle` is the definition, `keeping` the fold that keeps it."""
