"""Takes up the files that enterprises, suppliers and the union's operator send to the bucket."""
