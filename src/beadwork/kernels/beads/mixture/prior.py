"""The prior of a well's positions that the other wells give: effects of wells, common factors, spreads."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from beadwork.kernels.beads.mixture.densities import Array

EFFECT_FITS = 5
"""Rounds of the robust fit of the wells' effects."""
FACTOR_ROUNDS = 6
"""Rounds of the fit of common factors."""


def well_effects(fit: Array, sd: Array, tau: Array, used: npt.NDArray[np.bool_]) -> tuple[Array, Array]:
    """Levels (H, 2) and smooth effects (W, H, 2) of the wells: robust quadratics of the level.

    `fit` and `sd` are (W, H, 2).  Genes weigh by 1 / (sd^2 + tau^2), less the further they lie from the curve;
    hypotheses that are not `used` (H,) not at all.
    """
    n_wells = len(fit)
    values = fit.reshape(n_wells, -1)
    weights = np.repeat(used, 2) / (sd.reshape(n_wells, -1) ** 2 + tau.reshape(-1) ** 2)
    level = np.median(values, axis=0)
    x = (level - 9.0) / 2.0
    basis = np.stack([np.ones_like(x), x, x * x])
    products = np.stack([basis[i] * basis[j] for i in range(3) for j in range(3)])
    rest = values - level
    effect = np.median(rest, axis=1, keepdims=True)
    for _ in range(EFFECT_FITS):
        error = rest - effect
        width = 1.2533 * np.abs(error).mean(axis=1, keepdims=True) + 1e-6
        robust = weights / (1.0 + (error / (2.0 * width)) ** 2)
        normal = np.einsum("wg,kg->wk", robust, products).reshape(n_wells, 3, 3)
        right = np.einsum("wg,kg->wk", robust * rest, basis)
        ridge = 1e-3 * normal[:, :1, :1] * np.eye(3)
        weight = np.linalg.solve(normal + ridge, right[:, :, None])[:, :, 0]
        effect = np.einsum("wk,kg->wg", weight, basis)
    effect -= np.median(effect, axis=0)
    level = np.median(values - effect, axis=0)
    shape = fit.shape
    return level.reshape(shape[1:]), effect.reshape(shape)


def common_factors(rest: Array, sd: Array, prior_scale: Array, n_factors: int, used: npt.NDArray[np.bool_]) -> Array:
    """Find what genes do together: low-rank part of the residuals (W, H, 2), shrunken to what rises above the noise.

    Residuals count by their reliability 1 - sd^2 / prior variance; the unreliable part is filled from the low-rank fit
    of the round before.  Singular values shrink by what noise alone would give.  What a well itself contributes to its
    own fit is taken out in the end, so that its beads do not count twice and a well unlike all others is not explained
    by itself.  Hypotheses that are not `used` (H,) do not shape the factors but get their part in them.
    """
    n_wells = len(rest)
    values = rest.reshape(n_wells, -1)
    if n_factors == 0:
        return np.zeros_like(rest)
    trust = np.clip(1.0 - (sd / (1.5 * prior_scale)) ** 2, 0.02, 1.0).reshape(n_wells, -1)
    cap = 9.0 * np.median(np.abs(values), axis=0) + 0.6
    raw = np.clip(values / trust, -cap, cap) * trust
    low = filled = np.zeros_like(values)
    kept = np.zeros(n_factors)
    at = (np.arange(n_wells) + 0.5) / n_wells
    side = np.stack([np.cos(np.pi * (k + 1) * at) for k in range(n_factors)])
    use = np.repeat(used, 2).astype(float)
    edge = (np.sqrt(use.sum()) + np.sqrt(n_wells)) ** 2
    for _ in range(FACTOR_ROUNDS):
        filled = raw + (1.0 - trust) * low
        loading = use * np.einsum("kw,wg->kg", side, filled)
        side = np.ascontiguousarray(np.linalg.qr(np.einsum("kg,wg->wk", loading, filled))[0].T)
        loading = np.einsum("kw,wg->kg", side, filled)
        strength = (use * loading**2).sum(axis=1)
        noise = max(float((use * (filled**2).sum(axis=0)).sum() - strength.sum()), 1e-12) / (n_wells * use.sum())
        kept = np.maximum(0.0, 1.0 - noise * edge / np.maximum(strength, 1e-12))
        low = np.einsum("kw,kg->wg", side * kept[:, None], loading)
    own = (side**2 * kept[:, None]).sum(axis=0)[:, None] * filled
    return np.asarray(low - own).reshape(rest.shape)


def spreads(
    rest: Array,
    sd: Array,
    tau: Array,
    kappa: Array,
    tau0: float,
    strength: float,
    used: npt.NDArray[np.bool_],
    rounds: int = 4,
) -> tuple[Array, Array]:
    """Spread tau (H, 2) of each gene and kappa (W,) of each well, by expectation-maximisation of the t3 prior.

    Posterior moments rest^2 + sd^2 stand for the squared deviations.  Each tau leans on `tau0` as if that had been seen
    in `strength` wells; kappa has geometric mean 1 and comes from hypotheses that are `used` (H,).
    """
    square = rest**2 + sd**2
    use = used.astype(float)[:, None]
    n_wells, n_genes = len(rest), 2.0 * use.sum()
    for _ in range(rounds):
        weight = 4.0 / (3.0 + square / (tau * kappa[:, None, None]) ** 2)
        scaled = weight * square
        tau = np.sqrt(((scaled / kappa[:, None, None] ** 2).sum(axis=0) + strength * tau0**2) / (n_wells + strength))
        weight = 4.0 / (3.0 + square / (tau * kappa[:, None, None]) ** 2)
        kappa = np.sqrt(((use * weight * square / tau**2).sum(axis=(1, 2)) + 30.0) / (n_genes + 30.0))
        kappa = kappa / np.exp(np.mean(np.log(kappa)))
    return tau, kappa
