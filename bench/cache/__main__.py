"""`make bench-cache`: measure the semantic cache offline, and write a report with plots to bench/results/."""

from bench.cache.cli import main

main()
