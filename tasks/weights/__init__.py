"""`foleygenex weights`: what is needed, where it comes from, whether it is there, and fetching it."""
