"""The procedures' page shows what is shipped."""

from __future__ import annotations

from infra.procedures import PAGE, with_shipped
from mart_union.orders.pictures import mermaid_of
from mart_union.orders.shipped import PROCEDURES


def test_the_page_has_the_picture_and_every_step_of_each_procedure_as_the_data_say() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_shipped(page)
    for procedure in PROCEDURES.values():
        assert f"```mermaid\n{mermaid_of(procedure)}```\n" in page
        assert all(f"(`{step.name}`)" in page for step in procedure.steps)
