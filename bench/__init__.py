"""Honest measurements, one command each. Every report names the machine and the commit."""
