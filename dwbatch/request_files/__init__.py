"""Request files that somebody else wrote, bought like any other; and result files, wherever they come from."""
