"""What holds for every test."""

import signal

import hypothesis

# No test asserts a time: on a busy machine the same example takes ten times as long.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# A shell starts what runs in its background deaf to Ctrl-C, and so would be every process that a test
# starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)
