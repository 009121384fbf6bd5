"""Makes a table of the paper: the paper's numbers beside those of folders of generated audio or of checkpoints."""
