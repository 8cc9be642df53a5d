"""One folder a peer: each runs in a process of its own and gets its `Setup` as last argument. bench/build.py builds them."""
