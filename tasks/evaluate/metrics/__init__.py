"""What evaluation computes: pure functions of arrays, and the catalogue of the score tables' metrics."""
