"""Deconvolution by a mixture of heavy-tailed peaks: definitions, compiled twins, and the plate as prior of a well."""
