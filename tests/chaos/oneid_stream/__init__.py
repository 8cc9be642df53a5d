"""The owner of a tenant's evidence, in a stream whose workers are killed: simulated in virtual time, and on a real broker."""
