"""Decomposition: several questions in one prompt, found by rules, asked once each, and put together again.

`split.plan` says what a prompt falls into. What is cached and who is asked is no matter of this package.
"""
