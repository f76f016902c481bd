"""Ways in which the server misbehaves on purpose: what can be set, what keeps count, what does it."""
