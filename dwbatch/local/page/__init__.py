"""The page for people, and what it asks the server."""
