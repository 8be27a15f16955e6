"""`make bench`: the hot path beside the peers, in one run, and how its cost grows."""
