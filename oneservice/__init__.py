"""OneService, the answers: HTTP over the published marts and the live state. It meets the pipelines in data alone."""
