"""The normalised request: the parameter table, validation, the caller's controls, the key and the plan."""
