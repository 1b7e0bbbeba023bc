"""What was taken and is not paid: by receipt, by payer and by all, kept as sums so that asking costs nothing."""

from __future__ import annotations


class Credit:
    """Told of every receipt again whenever something about it changes."""

    def __init__(self) -> None:
        self._owed: dict[str, tuple[str, int]] = {}  # payer and amount, by receipt
        self._receipts: dict[str, set[str]] = {}  # by payer
        self._sums_minor: dict[str, int] = {}  # by payer
        self._sum_minor = 0

    def note(self, receipt_id: str, payer_id: str, owed_minor: int) -> None:
        """So much of a receipt is owed now, and by whom; nothing, or less, is nothing."""
        if receipt_id in self._owed:
            payer_before, before_minor = self._owed.pop(receipt_id)
            self._receipts[payer_before].discard(receipt_id)
            self._add(payer_before, -before_minor)
        if owed_minor > 0:
            self._owed[receipt_id] = payer_id, owed_minor
            self._receipts.setdefault(payer_id, set()).add(receipt_id)
            self._add(payer_id, owed_minor)

    def owes(self, receipt_id: str) -> bool:
        return receipt_id in self._owed

    def exposure_minor(self, payer_id: str | None = None) -> int:
        """Of one payer, or of all."""
        return self._sum_minor if payer_id is None else self._sums_minor.get(payer_id, 0)

    def payers(self) -> list[str]:
        """Everybody who owes something, sorted; "" for receipts that nobody is known to pay."""
        return sorted(self._receipts)

    def receipts(self, payer_id: str | None = None) -> list[str]:
        """Receipts that are not paid, of one payer or of all, sorted."""
        return sorted(self._owed if payer_id is None else self._receipts.get(payer_id, ()))

    def _add(self, payer_id: str, minor: int) -> None:
        self._sum_minor += minor
        self._sums_minor[payer_id] = self._sums_minor.get(payer_id, 0) + minor
        if not self._receipts[payer_id]:
            del self._receipts[payer_id], self._sums_minor[payer_id]
