"""Fewer tokens and fewer calls: what each of the stages before the call saves, and what it spoils."""
