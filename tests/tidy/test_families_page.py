"""docs/FAMILIES.md says what was measured, of every family."""

import json
import re
from pathlib import Path

from openaisle.bench.families import GOALS

REPOSITORY = Path(__file__).resolve().parents[2]
ROW = re.compile(
    r"\| `(?P<family>\w+)` \|[^|]*\|[^|]* (?P<must>[\d.]+) \| (?P<figure>[\d.]+) \| (?P<visits>\d+) "
    r"\| (?P<exact>[\d.]+) % \| (?P<over>\d+) \| (?P<reviews>\d+) \| (?P<seed>\d+) \|"
)


def test_every_family_is_shown_as_it_was_measured() -> None:
    page = (REPOSITORY / "docs" / "FAMILIES.md").read_text(encoding="utf-8")
    rows = [row.groupdict() for line in page.splitlines() if (row := ROW.fullmatch(line))]
    assert [row["family"] for row in rows] == list(GOALS)
    for row in rows:
        path = REPOSITORY / "bench" / "results" / f"receipts-families-seed{row['seed']}.json"
        kept = json.loads(path.read_text(encoding="utf-8"))["families"][row["family"]]
        assert row == {
            "family": row["family"],
            "must": f"{GOALS[row['family']].bound:g}",
            "figure": f"{kept['figure']:.3f}",
            "visits": str(kept["visits"]),
            "exact": f"{100 * kept['exact_rate']:.1f}",
            "over": str(kept["overcharged"]),
            "reviews": f"{kept['reviews_per_1000']:.0f}",
            "seed": row["seed"],
        }
