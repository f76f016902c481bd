"""Structured answers: what is sent, what is read, what stands in a column."""
