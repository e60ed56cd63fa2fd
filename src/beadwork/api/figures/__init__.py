"""Figures of a plate, a brew, a study and answers, from the files that commands wrote."""
