"""Rows to requests: templates, encoding, identity, shards. Pure: Arrow in, Arrow out, no I/O."""
