"""`make replay`: play a trace directly, through the gateway and through LiteLLM; write a report to bench/results/."""

from bench.replay.cli import main

main()
