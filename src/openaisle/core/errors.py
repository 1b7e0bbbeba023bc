"""Every error OpenAisle raises on purpose, drawn as a tree.

    OpenAisleError
    ├── InputError              what somebody gave us is wrong; the message says where and what was expected
    │   ├── StoreError          a store folder
    │   ├── RecordingError      a recording folder or a foreign recording
    │   ├── ReadingError        one message of a sensor or gate (the sender is told, the process goes on)
    │   ├── ModelError          a model file
    │   ├── PlanRefused         a shop that cannot be built as asked; knows the places on its floor
    │   ├── EntryRefused        a code at the gate; `reason` is one of a fixed list
    │   └── PaymentRefused      a wish about money that cannot be granted: an unknown receipt, too large a refund
    ├── LedgerDamaged           the ledger does not verify: quarantine it, never start empty over it
    ├── PortUnavailable         a door is shut: broker, camera, processor, address in use
    └── MachineError            this machine lacks something (`openaisle doctor` says what)

Our own mistakes are not here: they are `assert`s, one fact a line, on in production.
"""

from collections.abc import Sequence


class OpenAisleError(Exception):
    """Base of all errors raised on purpose. `str(error)` is one clear sentence for a person."""


class InputError(OpenAisleError):
    """Something given to us is wrong.

    Say where (`file`, `line`, `field`), what was `expected` and what was `found`; the message is made of these.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        field: str | None = None,
        expected: str | None = None,
        found: object = None,
    ) -> None:
        self.message = message
        self.file = file
        self.line = line
        self.field = field
        self.expected = expected
        self.found = found
        super().__init__(_sentence(message, file, line, field, expected, found))


class StoreError(InputError):
    """A store folder is wrong. `problems` lists every problem found, each a StoreError without problems."""

    problems: Sequence["StoreError"] = ()

    @classmethod
    def of_problems(cls, folder: str, problems: Sequence["StoreError"]) -> "StoreError":
        """One error for all problems of one folder."""
        assert problems
        if len(problems) == 1:
            return problems[0]
        lines = "\n".join(f"  {problem}" for problem in problems)
        error = cls(f"{folder}: {len(problems)} problems\n{lines}")
        error.problems = tuple(problems)
        return error


class RecordingError(InputError):
    """A recording folder, or a foreign recording, is wrong or damaged."""


class ReadingError(InputError):
    """One message from a sensor or gate is wrong. The sender is told; nothing else is disturbed."""


class ModelError(InputError):
    """A model file is missing, of the wrong shape, or not what its checksum says."""


class PlanRefused(InputError):
    """A shop that cannot work as asked. `places_floor_m` are the outlines of where, to be drawn."""

    places_floor_m: Sequence[Sequence[tuple[float, float]]] = ()

    def at(self, *places_floor_m: Sequence[tuple[float, float]]) -> "PlanRefused":
        """The same, with its places."""
        self.places_floor_m = places_floor_m
        return self


class EntryRefused(InputError):
    """A code was refused at the gate. `reason` is a fixed word: expired, used, wrong_store, forged, ..."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class PaymentRefused(InputError):
    """A wish about money cannot be granted; nothing changed."""


class LedgerDamaged(OpenAisleError):
    """The ledger does not verify. It is kept as it is; the shop stays closed for entry until it is restored."""


class PortUnavailable(OpenAisleError):
    """A door to the outside is shut: a broker, a camera, a processor, an address in use."""


class MachineError(OpenAisleError):
    """This machine lacks something that is needed. The message says what, and how to get it."""


def _sentence(
    message: str, file: str | None, line: int | None, field: str | None, expected: str | None, found: object
) -> str:
    where = ":".join(str(part) for part in (file, line) if part is not None)
    parts = [part for part in (where, field and f"field '{field}'", message) if part]
    sentence = ": ".join(parts)
    if expected is not None:
        sentence += f"; expected {expected}"
        if found is not None:
            sentence += f", found {found!r}"
    elif found is not None:
        sentence += f"; found {found!r}"
    return sentence
