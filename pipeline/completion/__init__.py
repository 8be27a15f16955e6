"""One answer, two forms: a completion object and a stream of chunks, and the way between them."""
