"""Programs that others wrote, against the local server."""
