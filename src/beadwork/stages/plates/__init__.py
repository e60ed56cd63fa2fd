"""Plates and studies as a whole: planted mistakes, replicates, truth."""
