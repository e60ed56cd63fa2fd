"""The calls that programs written for clue.io make: LoopBack filters over tables, and jobs that give archives."""
