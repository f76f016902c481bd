"""A job in the hand: how far it is, what it has answered, what it cost, and how to stop it or go on."""
