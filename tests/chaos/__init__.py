"""Chaos: faults are thrown at the runtime, and what comes out is compared with an oracle that shares no code with it."""
