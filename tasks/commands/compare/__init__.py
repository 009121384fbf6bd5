"""The listening study GSB: which of two systems follows a caption's adverb better (SPEC E4)."""
