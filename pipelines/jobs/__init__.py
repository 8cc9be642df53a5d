"""The jobs, one file each, named by the topics that they join: this listing is the data-flow graph."""
