"""Micro-memory: what a caller has said of itself, in short notes that are replaced, fade and can be erased.

The core (all modules but `store` and `seal`) is pure: clock, ids, embedder and token counter are passed in.
"""
