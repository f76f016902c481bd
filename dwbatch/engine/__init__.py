"""Where prompts, wire and checkpoint meet: a shard goes from PLANNED to FETCHED, one step at a time."""
