"""The HTTP API: calls, replies, streaming upload, retry. The only room with sockets."""
