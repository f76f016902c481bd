"""Tests of the pure room that turns rows into requests."""
