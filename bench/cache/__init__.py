"""The semantic cache, measured offline: hits against wrong answers, traps, written pairs, latency. `make bench-cache`."""
