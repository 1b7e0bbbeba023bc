"""`openaisle bench checkout`: is every visit charged once, and do all books agree?"""

from __future__ import annotations

from typing import Annotated

import typer


def checkout(
    store: Annotated[str, typer.Option(help="A shipped store's name or a store folder.")] = "corner",
    visits: Annotated[int, typer.Option(min=1, help="How many visits to simulate.")] = 1000,
    faults: Annotated[
        str, typer.Option(help="all: outages, lost answers, refusals, late webhooks, restarts | none")
    ] = "all",
    seed: Annotated[int, typer.Option(min=0, help="Decides shoppers, faults and outages.")] = 7,
    http: Annotated[
        bool, typer.Option("--http", help="Reach the simulated processor over real HTTP; slower.")
    ] = False,
    out: Annotated[
        str | None, typer.Option(help="Keep the books here, for `openaisle reconcile`; must not exist.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Simulated visits through till, ledger, outbox and Stripe's library; status 1 if a single one is not right."""
    import json
    import tempfile
    from pathlib import Path

    from rich.console import Console
    from rich.progress import Progress

    from openaisle.bench.checkout import CheckoutBench, is_right
    from openaisle.core.errors import InputError
    from openaisle.store.load import load_store

    if faults not in ("all", "none"):
        raise InputError("no such faults", field="--faults", expected="all or none", found=faults)
    if out is not None and Path(out).exists():
        raise InputError("is there already", field="--out", expected="a folder to be made", found=out)
    with (
        tempfile.TemporaryDirectory(prefix="openaisle-") as scratch,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        task = progress.add_task(f"{visits} visits", total=visits)
        bench = CheckoutBench(
            load_store(store),
            Path(out or scratch),
            visits=visits,
            seed=seed,
            faults=faults == "all",
            over_http=http,
        )
        report = {"store": store, "seed": seed, **bench.run(lambda count: progress.advance(task, count))}
    if as_json:
        print(json.dumps(report, indent=1))
    else:
        _print_report(report)
    raise typer.Exit(0 if is_right(report) else 1)


def _print_report(report: dict) -> None:
    compared = report["compared"]
    print(
        f"{report['visits']} simulated visits over {report['simulated_days']} days, faults {report['faults']}, "
        f"seed {report['seed']}: {report['charged_exactly']} charged exactly ({report['charged_in_parts']} in parts, "
        f"{report['nothing_to_pay']} with nothing to pay), {report['lost']} lost, "
        f"{report['double_or_too_much']} double or too much, {report['not_ended']} not ended; "
        f"{report['tapped_at_the_gate']} tapped a card at the gate, {report['holds_left']} holds left"
    )
    print(
        f"{report['outages']} outages, {report['restarts']} restarts, {report['webhooks']} webhooks, "
        f"{report['refunds']} refunds, {report['processor_calls']} calls; "
        f"95 % upper bound of a wrong charge {report['wrong_rate_upper_bound_95']:.1e} a visit where 0 are wrong"
    )
    print(
        f"books: {report['differences']} differences in {compared['receipt_lines']} lines, "
        f"{compared['charges']} charges, {compared['refunds']} refunds, "
        f"{compared['pos_transactions']} POS transactions, {compared['slots']} slots"
    )
    for kind, count in report["difference_kinds"].items():
        print(f"  {kind}: {count}")
