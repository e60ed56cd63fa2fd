"""Many questions at once, such as a library of diseases."""
