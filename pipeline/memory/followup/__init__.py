"""How a follow-up question leans on the question before it, and how it is made to stand alone."""
