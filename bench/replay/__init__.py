"""`make replay`: real arrivals and labelled prompts, played directly, through the gateway and through a peer, in one run."""
