"""Each minute: frees what was never paid, and takes the steps that deadlines call for."""
