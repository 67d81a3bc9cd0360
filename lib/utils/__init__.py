"""Small helpers that know nothing of the other packages of lib."""
