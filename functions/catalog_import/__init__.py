"""Takes up the files that enterprises and suppliers send to the bucket."""
