"""Asking a model: the table of models, the HTTP client, retries, circuit breakers and the simulator.

`caller.Upstreams.call` is the door; everything else in this room serves it. Nobody outside needs to
know whether an answer came over the network or from the simulator.
"""
