import re

import pytest

from openaisle.core.errors import InputError
from openaisle.planning import steps
from openaisle.planning.folder import PlanFolder
from openaisle.planning.notes import law_of
from openaisle.planning.report import write_report
from openaisle.planning.steps import Placed
from openaisle.planning.words import wilson


def test_the_report_is_one_html_and_one_pdf_with_every_part(placed_plan: tuple[PlanFolder, Placed]) -> None:
    html, pdf = write_report(placed_plan[0], None)
    page = html.read_text(encoding="utf-8")
    for part in (
        "What is proposed", "Scope", "Floor and cameras", "Shelves and scales", "Bill of materials",
        "Expected accuracy", "Cost", "Timetable", "Risks", "Data protection", "Acceptance tests", "Sources",
    ):  # fmt: skip
        assert f"<h2>{part}</h2>" in page
    assert pdf.read_bytes().startswith(b"%PDF-")
    assert pdf.read_bytes().count(b"/Subtype /Link") > 20
    assert "src=" not in page


def test_every_link_of_the_report_leads_to_a_row(placed_plan: tuple[PlanFolder, Placed]) -> None:
    page = write_report(placed_plan[0], None)[0].read_text(encoding="utf-8")
    anchors = set(re.findall(r' id="([^"]+)"', page))
    links = re.findall(r'href="#([^"]+)"', page)
    assert len(links) > 40
    assert set(links) <= anchors


def test_a_report_before_its_steps_says_which_is_missing(tmp_path, tiny_scope: str) -> None:
    folder, _ = steps.start(tiny_scope, tmp_path, tmp_path / "plan")
    with pytest.raises(InputError, match="openaisle plan place"):
        write_report(folder, None)


def test_an_interval_of_a_share_holds_its_share() -> None:
    low, high = wilson(19, 20)
    assert 0.75 < low < 0.95 < high <= 1.0
    assert wilson(20, 20)[1] == 1.0


@pytest.mark.parametrize(
    ("jurisdiction", "law"),
    [("DE", "GDPR"), ("GB", "GDPR"), ("US-CA", "CCPA"), ("AE", "PDPL"), ("JP", "local law")],
)
def test_notes_are_those_of_the_jurisdiction(jurisdiction: str, law: str) -> None:
    assert law_of(jurisdiction) == law
