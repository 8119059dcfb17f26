"""How a trained network finds people in a user's photo or video, anywhere."""
