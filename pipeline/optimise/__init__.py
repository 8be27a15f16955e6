"""Prompt optimisation: what is asked with fewer tokens, by edits that are checked. Everything here is a pure function."""
