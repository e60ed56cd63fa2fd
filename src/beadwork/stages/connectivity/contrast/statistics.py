"""Statistics of a contrast, by the libraries of the field: pydeseq2 for counts, pylimma for logarithms."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np

from beadwork.model.errors import ParameterError

NOT_INSTALLED = "comparing groups of samples needs the package {name}; install beadwork[signature]"


class Statistics(NamedTuple):
    """Change (log2), statistic, p and FDR of each gene; NaN where there is none."""

    change: np.ndarray
    statistic: np.ndarray
    p: np.ndarray
    fdr: np.ndarray


def moderated_t(values: np.ndarray, design: np.ndarray, contrast: np.ndarray, *, trend: bool = False) -> Statistics:
    """Moderated t of logarithms (Smyth 2004, doi 10.2202/1544-6115.1027), as limma's lmFit and eBayes.

    Parameters
    ----------
    values
        Samples by genes, none missing.
    design
        Samples by coefficients.
    contrast
        Weight of each coefficient.

    Raises
    ------
    ParameterError
        pylimma is not installed.
    """
    try:
        import pylimma
    except ImportError:
        raise ParameterError(NOT_INSTALLED.format(name="pylimma")) from None
    import pandas as pd

    genes = [f"g{number}" for number in range(values.shape[1])]
    names = [f"c{number}" for number in range(design.shape[1])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of single genes without variance, which stay out anyway
        fit = pylimma.lm_fit(
            pd.DataFrame(values.T.astype(np.float64), index=genes), pd.DataFrame(design, columns=names)
        )
        fit = pylimma.e_bayes(pylimma.contrasts_fit(fit, contrast[:, None]), trend=trend)
    change, t, p = (np.asarray(fit[name], np.float64)[:, 0] for name in ("coefficients", "t", "p_value"))
    return Statistics(change, t, p, adjusted(p))


def wald(counts: np.ndarray, design: np.ndarray, contrast: np.ndarray) -> Statistics:
    """Wald statistic of counts, as DESeq2 (Love et al. 2014, doi 10.1186/s13059-014-0550-8).

    Raises
    ------
    ParameterError
        pydeseq2 is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pydeseq2.dds import DeseqDataSet
            from pydeseq2.default_inference import DefaultInference
            from pydeseq2.ds import DeseqStats
    except ImportError:
        raise ParameterError(NOT_INSTALLED.format(name="pydeseq2")) from None
    import contextlib
    import io

    import pandas as pd

    samples = [f"s{number}" for number in range(len(counts))]
    names = [f"c{number}" for number in range(design.shape[1])]
    table = pd.DataFrame(
        np.rint(counts).astype(np.int64), index=samples, columns=[f"g{number}" for number in range(counts.shape[1])]
    )
    matrix = pd.DataFrame(design, index=samples, columns=names)
    inference = DefaultInference(n_cpus=1)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        data = DeseqDataSet(counts=table, metadata=matrix, design=matrix, quiet=True, inference=inference)
        data.deseq2()
        found = DeseqStats(data, contrast=contrast.astype(float), quiet=True, inference=inference)
        found.summary()
    columns = ("log2FoldChange", "stat", "pvalue", "padj")
    return Statistics(*(found.results_df[name].to_numpy(np.float64) for name in columns))


def adjusted(p: np.ndarray) -> np.ndarray:
    """FDR of Benjamini and Hochberg; NaN where p is."""
    from scipy.stats import false_discovery_control

    result = np.full(len(p), np.nan)
    known = np.isfinite(p)
    if known.any():
        result[known] = false_discovery_control(np.clip(p[known], 0.0, 1.0))
    return result
