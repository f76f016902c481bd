"""What holds for every test."""

import hypothesis

# No test asserts a time: on a busy machine the same example takes ten times as long.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
