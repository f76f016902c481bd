"""Result lines → results → the one best result of each request: pure Arrow, no I/O."""
