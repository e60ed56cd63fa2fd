"""Compounds that do what was asked for, or its opposite, in several cells at a reachable dose."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query

from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.model.params import RepurposingParams
from beadwork.serve.answer.answers import Answer
from beadwork.serve.routes.queries import Page, answered
from beadwork.serve.service import Rows, Service
from beadwork.stages.connectivity.library.repurposing import repurposing_table

_LIMITS = RepurposingParams()


def routes(service: Service) -> APIRouter:
    """Route of the table; it comes before that of the tables of answers, whose name it would be taken for."""
    router = APIRouter(prefix="/api/queries", tags=["queries"])

    @router.get("/{key}/repurposing", summary="Compounds that do so consistently, and what is against each")
    def table(
        key: str,
        page: Page,
        direction: Literal["mimic", "reverse"] = "reverse",
        min_cells: Annotated[int, Query(ge=1, le=1000)] = _LIMITS.min_cells,
        max_dose: Annotated[float, Query(gt=0)] = _LIMITS.max_dose,
        min_share: Annotated[float, Query(ge=0, le=1)] = _LIMITS.min_share,
    ) -> Rows:
        answer = answered(service, key)
        params = RepurposingParams(min_cells=min_cells, max_dose=max_dose, min_share=min_share)
        found, _ = page.page_of(repurposing_of(answer, direction, params), answer.kept.state)
        return found

    return router


def repurposing_of(answer: Answer, direction: str, params: RepurposingParams) -> SignatureTable:
    """Table of one answer; `direction` is that of the compounds to the question as it was asked."""
    annotation = answer.annotation
    sign = -1.0 if direction == "reverse" else 1.0
    shown = np.zeros(len(annotation), bool)
    shown[answer.shown] = True
    table: Any = repurposing_table(annotation, sign * answer.scores("ncs").astype(np.float64), shown, params)
    return SignatureTable.of(table)
