"""The pure core of the simulator: from a request body to an answer, its pieces and its delays. No I/O here."""
