"""From peaks to signatures: LISS, ridge, robust z, MODZ."""
