"""Where people are in a picture: boxes for the pose network."""
