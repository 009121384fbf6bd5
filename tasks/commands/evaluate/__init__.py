"""`foleygenex evaluate`: folders of any model's audio scored against a reference folder, without a workspace."""
