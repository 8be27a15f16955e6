"""The HTTP door: authenticate, parse, ask the pipeline, render. How a stage works is not known here."""
