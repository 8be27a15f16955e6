"""The stages of the chain, one module each. Every one is a function of the state; what it needs is passed in."""
