"""Structured answers: from a type or schema to what is sent, and from texts back to typed values. Pure."""
