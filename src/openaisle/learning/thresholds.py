"""From which probability on to charge, given what a wrong charge and a missed item cost.

Who charges with probability p of being right expects to lose (1 - p) x the wrong charge; who does not, p x the missed
item. So p = wrong / (wrong + missed) is the best threshold of probabilities that are what they say (Elkan 2001, "The
Foundations of Cost-Sensitive Learning"). Ours are fitted, not perfect: the threshold is the cheapest one on stores that
were neither trained on nor are measured on, and Elkan's stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import InputError
from openaisle.core.messages import Action
from openaisle.detections.people import PeopleSettings
from openaisle.detections.products import ProductNetwork, ProductSettings, probabilities
from openaisle.detections.runtime import RuntimeSettings
from openaisle.interactions.actions import ACTIONS
from openaisle.interactions.actions_network import ActionNetwork
from openaisle.labels.dataset import CHECK
from openaisle.learning import evaluate, store_sights
from openaisle.learning.actions_measure import ActionsHeldOut, judge
from openaisle.learning.products_calibrate import HeldOut, collect
from openaisle.learning.products_odds import NONE_SHARE

TABLE: Final = tuple(round(0.1 * step, 1) for step in range(11))

Report = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Costs:
    """In any unit: only their ratio decides."""

    wrong_charge: float
    missed_item: float

    def __post_init__(self) -> None:
        for name, cost in asdict(self).items():
            if cost <= 0:
                field = "--" + name.replace("_", "-") + "-cost"
                raise InputError("not a cost", field=field, expected="more than 0", found=cost)

    @property
    def elkan(self) -> float:
        """The threshold of probabilities that are just what they say."""
        return self.wrong_charge / (self.wrong_charge + self.missed_item)


@dataclass(frozen=True)
class Cases:
    """Answers that are charged or not."""

    chances: NDArray[np.float64]  # [n] of the answer that would be charged
    is_right: NDArray[np.bool_]  # [n] that answer is true
    is_item: NDArray[
        np.bool_
    ]  # [n] there is something to charge: not charging it, or something else, misses it
    weights: NDArray[np.float64]  # [n]
    never_said: float = 0.0  # weight of items that no answer is about: missed at every threshold
    unit: str = "case"


@dataclass(frozen=True, kw_only=True)
class CostRow:
    """What one threshold costs, a case."""

    threshold: float
    cost: float
    wrong: float  # share of cases charged wrongly
    missed: float  # share of cases whose item is missed


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The threshold chosen, and what others would cost."""

    threshold: float
    costs: Costs
    cases: int
    unit: str
    chosen: CostRow
    elkan: CostRow
    table: tuple[CostRow, ...]

    def metadata(self, held_out: Mapping[str, Any]) -> dict[str, Any]:
        """What a model's file says about where its threshold comes from."""
        return {
            "wrong_charge_cost": self.costs.wrong_charge,
            "missed_item_cost": self.costs.missed_item,
            "threshold": self.threshold,
            "expected_cost": round(self.chosen.cost, 5),
            "chosen_on": {**held_out, "cases": self.cases},
        }


def choose(cases: Cases, costs: Costs) -> Choice:
    """The cheapest threshold; of equal ones the highest, because in doubt nobody is charged."""
    # Between two neighbouring probabilities nothing changes: half way is as far from both as can be.
    values = np.unique(np.concatenate([cases.chances, [0.0, 1.0]]))
    tried = np.concatenate([[0.0], (values[1:] + values[:-1]) / 2, [1.0]])
    order = np.argsort(cases.chances, kind="stable")
    first = np.searchsorted(cases.chances[order], tried)  # charged: all from here on

    def from_here(values: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = np.concatenate([np.cumsum(values[order][::-1])[::-1], [0.0]])
        return sums[first]

    wrong = from_here(cases.weights * ~cases.is_right)
    gained = from_here(cases.weights * (cases.is_right & cases.is_item))
    missed = (cases.weights * cases.is_item).sum() + cases.never_said - gained
    cost = costs.wrong_charge * wrong + costs.missed_item * missed
    best = len(tried) - 1 - int(np.argmin(cost[::-1]))
    threshold = round(float(tried[best]), 4)
    return Choice(
        threshold=threshold,
        costs=costs,
        cases=len(cases.chances),
        unit=cases.unit,
        chosen=cost_at(cases, costs, threshold),
        elkan=cost_at(cases, costs, costs.elkan),
        table=tuple(cost_at(cases, costs, at) for at in TABLE),
    )


def cost_at(cases: Cases, costs: Costs, threshold: float) -> CostRow:
    is_charged = cases.chances >= threshold
    whole = cases.weights.sum() + cases.never_said
    wrong = float((cases.weights * (is_charged & ~cases.is_right)).sum() / whole)
    is_missed = cases.is_item & ~(is_charged & cases.is_right)
    missed = float(((cases.weights * is_missed).sum() + cases.never_said) / whole)
    cost = costs.wrong_charge * wrong + costs.missed_item * missed
    return CostRow(threshold=round(float(threshold), 4), cost=cost, wrong=wrong, missed=missed)


def product_cases(settings: ProductSettings, held_out: HeldOut, report: Report = lambda _: None) -> Cases:
    """Looks into hands against short and long lists of products: charge the likeliest one, or wait for the weight."""
    network = ProductNetwork(settings)
    examples = [each for each in collect(network, held_out, report) if not each.is_long]
    every = [
        probabilities(network.calibration, one.likeness, one.evidence, one.nothing, one.side_px)[:-1]
        for one in examples
    ]
    best = np.array([int(chances.argmax()) for chances in every])
    truth = np.array([example.truth for example in examples])
    is_item = np.array([example.truth < len(example.likeness) for example in examples])
    weights = np.where(
        is_item, (1 - NONE_SHARE) / max(is_item.sum(), 1), NONE_SHARE / max((~is_item).sum(), 1)
    )
    highest = np.array([float(chances.max()) for chances in every])
    return Cases(highest, is_item & (best == truth), is_item, weights, unit="look into a hand")


def action_cases(network: ActionNetwork, held_out: ActionsHeldOut, report: Report = lambda _: None) -> Cases:
    """Moments at a shelf, judged by the arm alone: call it a take or not."""
    without, _ = judge(network, held_out, report)
    take = ACTIONS.index(Action.TAKE)
    is_take = np.array([each.truth is Action.TAKE for each in without.moments], bool)
    chances = np.array([each.probabilities[take] for each in without.moments])
    return Cases(chances, is_take, is_take, np.ones(len(is_take)), unit="judged moment")


def people_cases(
    runtime: RuntimeSettings, held_out: evaluate.HeldOut, report: Report = lambda _: None
) -> Cases:
    """Whoever may be a person: report somebody or nobody. Who is missed can take for free."""
    scores, is_person, expected = evaluate.tallied(runtime, held_out, report).scores()
    never = float(expected - is_person.sum())
    return Cases(scores, is_person, is_person, np.ones(len(scores)), never, unit="person there or reported")


def store_people_cases(runtime: RuntimeSettings, folder: Path, report: Report = lambda _: None) -> Cases:
    """The same on the split `check` of a store's own labels."""
    dataset, frames = store_sights.sights_of(folder, CHECK)
    tally = evaluate.PeopleTally()
    settings = PeopleSettings(runtime=runtime, score_min=store_sights.SCORE_MIN)
    for each, found in store_sights.detected(folder, dataset, frames, settings, report):
        tally.add(each.sight, found, store_sights.SCORE_MIN)
    scores, is_person, expected = tally.scores()
    never = float(expected - is_person.sum())
    return Cases(scores, is_person, is_person, np.ones(len(scores)), never, unit="person there or reported")


def lines(choice: Choice) -> Sequence[str]:
    """The table for people to read."""
    costs = choice.costs
    head = (
        f"A wrong charge costs {costs.wrong_charge:g}, a missed item {costs.missed_item:g}: "
        f"charge from {choice.threshold:.4f} on (n {choice.cases:,})."
    )
    rows = [("threshold", f"cost a {choice.unit}", "charged wrongly", "missed")]
    named = [(choice.chosen, " chosen"), (choice.elkan, " Elkan's")]
    for row, name in sorted(
        [*((row, "") for row in choice.table), *named], key=lambda each: each[0].threshold
    ):
        rows.append(
            (f"{row.threshold:.4f}{name}", f"{row.cost:.4f}", f"{row.wrong:.2%}", f"{row.missed:.2%}")
        )
    wide = len(rows[0][1]) + 2
    return [head, "", *(f"  {a:18}{b:>{wide}}{c:>18}{d:>12}" for a, b, c, d in rows)]
