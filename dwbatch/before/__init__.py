"""What a call would do and cost, before it does."""
