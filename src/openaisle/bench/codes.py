"""Attacks on entry codes: whatever is not a fresh code of this store at its own time must be refused.

Every attack starts from genuine codes, as somebody has who photographs phones: shown again, shown at another time, and
changed in every way that leaves something code-like. Genuine codes are tried in between, so that a verifier that
refuses everything does not pass.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from openaisle.adapters.entry_codes import (
    EARLY_MS_MAX,
    PREFIX,
    VALIDITY_MS_MAX,
    CodeIssuer,
    CodeVerifier,
    base45_decode,
    base45_encode,
)
from openaisle.core.errors import EntryRefused
from openaisle.core.units import NS_PER_MS, NS_PER_S

STORE: Final = "corner"
START_NS: Final = 1_780_300_800 * NS_PER_S
GENUINE_EVERY: Final = 1_000
POOL_MAX: Final = 500
YEAR_NS: Final = 365 * 24 * 3_600 * NS_PER_S
ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


class CodeAttack:
    """One run of `attempts` attacks on one verifier with its spent list on disk."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._random = random.Random(f"codes {seed}")
        key = Ed25519PrivateKey.from_private_bytes(self._random.randbytes(32))
        thief = Ed25519PrivateKey.from_private_bytes(self._random.randbytes(32))
        self._issuer = CodeIssuer(key, STORE)
        self._forger = CodeIssuer(thief, STORE)
        self._neighbour = CodeIssuer(key, "market")
        self._verifier = CodeVerifier([key.public_key()], STORE, folder / "spent.sqlite")
        self._now_ns = START_NS
        self._number = 0
        self._used: list[str] = []  # went in, moments ago: still within their time
        self._kinds: dict[str, Callable[[], tuple[str, int]]] = {
            "replay": self._replay,
            "replay_later": self._replay_later,
            "too_late": self._too_late,
            "too_early": self._too_early,
            "clock_shifted": self._clock_shifted,
            "letters_changed": self._letters_changed,
            "bits_flipped": self._bits_flipped,
            "field_rewritten": self._field_rewritten,
            "cut_or_longer": self._cut_or_longer,
            "spliced": self._spliced,
            "forged": self._forged,
            "of_another_store": self._of_another_store,
        }

    def run(self, attempts: int, done: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
        """The figures: attacks by kind, what was accepted (each with its kind), reasons of refusal."""
        counts: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        accepted: Counter[str] = Counter()
        genuine = Counter[str]()
        kinds = list(self._kinds)
        began_s = time.process_time()
        for number in range(attempts):
            if number % GENUINE_EVERY == 0:
                done(number)
                genuine["accepted" if self._let_in() else "refused"] += 1
            kind = kinds[number % len(kinds)]
            text, at_ns = self._kinds[kind]()
            counts[kind] += 1
            try:
                self._verifier.verify(text, at_ns)
                accepted[kind] += 1
            except EntryRefused as error:
                reasons[error.reason] += 1
        self._verifier.close()
        done(attempts)
        return {
            "attempts": attempts,
            "accepted": sum(accepted.values()),
            "accepted_by_kind": dict(accepted),
            "upper_bound_95": 3 / attempts,
            "by_kind": dict(sorted(counts.items())),
            "refused_as": dict(sorted(reasons.items())),
            "genuine_accepted": genuine["accepted"],
            "genuine_refused": genuine["refused"],
            "us_a_try": round((time.process_time() - began_s) / attempts * 1e6, 1),
        }

    # --- genuine --------------------------------------------------------------------------------------------------

    def _let_in(self) -> bool:
        """A real shopper with a fresh code, some time within its life."""
        self._now_ns += self._random.randrange(NS_PER_S)
        code = self._fresh()
        at_ns = self._now_ns + self._random.randrange(VALIDITY_MS_MAX - 1) * NS_PER_MS
        try:
            self._verifier.verify(code, at_ns)
        except EntryRefused:
            return False
        self._used = [*self._used, code][-POOL_MAX:]
        return True

    def _fresh(self) -> str:
        self._number += 1
        return self._issuer.issue(f"s-{self._number}", self._now_ns, people_count=self._random.randint(1, 4))

    # --- attacks: a code, and when it is shown --------------------------------------------------------------------

    def _replay(self) -> tuple[str, int]:
        return self._random.choice(self._used), self._now_ns

    def _replay_later(self) -> tuple[str, int]:
        return self._random.choice(self._used), self._now_ns + self._random.randrange(
            7 * 24 * 3_600
        ) * NS_PER_S

    def _too_late(self) -> tuple[str, int]:
        late_ns = self._random.choice((0, 1, self._random.randrange(YEAR_NS)))
        return self._fresh(), self._now_ns // NS_PER_MS * NS_PER_MS + VALIDITY_MS_MAX * NS_PER_MS + late_ns

    def _too_early(self) -> tuple[str, int]:
        early_ns = self._random.choice((1, NS_PER_MS, self._random.randrange(1, YEAR_NS)))
        issued_ns = self._now_ns // NS_PER_MS * NS_PER_MS
        return self._fresh(), issued_ns - EARLY_MS_MAX * NS_PER_MS - early_ns

    def _clock_shifted(self) -> tuple[str, int]:
        """An issuer or a gate whose clock is off by more than a code's life."""
        beyond_ns = (VALIDITY_MS_MAX + EARLY_MS_MAX) * NS_PER_MS
        shift_ns = beyond_ns + self._random.randrange(24 * 3_600 * NS_PER_S)
        return self._fresh(), self._now_ns + self._random.choice((-1, 1)) * shift_ns

    def _letters_changed(self) -> tuple[str, int]:
        letters = list(self._fresh())
        # At different places: two changes at one could undo each other, and what is left is a genuine code.
        for at in self._random.sample(range(len(letters)), self._random.randint(1, 3)):
            letters[at] = self._random.choice([one for one in ALPHABET if one != letters[at]])
        return "".join(letters), self._now_ns

    def _bits_flipped(self) -> tuple[str, int]:
        data = bytearray(self._data())
        bit = self._random.randrange(8 * len(data))
        data[bit // 8] ^= 1 << bit % 8
        return _coded(data), self._now_ns

    def _field_rewritten(self) -> tuple[str, int]:
        """A later time, a longer life, more people, a staff badge, another visit: under the old signature."""
        data = bytearray(self._data())
        field = self._random.choice(
            (slice(8, 14), slice(14, 16), slice(16, 17), slice(17, 18), slice(18, -64))
        )
        before = bytes(data[field])
        while bytes(data[field]) == before:
            data[field] = self._random.randbytes(len(before))
        return _coded(data), self._now_ns

    def _cut_or_longer(self) -> tuple[str, int]:
        code = self._fresh()
        if self._random.random() < 0.5:
            return code[: self._random.randrange(len(code))], self._now_ns
        more = "".join(self._random.choice(ALPHABET) for _ in range(self._random.randint(1, 60)))
        return code + more, self._now_ns

    def _spliced(self) -> tuple[str, int]:
        """What one code grants with the signature of another."""
        return _coded(self._data()[:-64] + self._data()[-64:]), self._now_ns

    def _forged(self) -> tuple[str, int]:
        """Signed with another key; half of them claim to be signed with ours."""
        self._number += 1
        code = self._forger.issue(f"s-{self._number}", self._now_ns)
        if self._random.random() < 0.5:
            return code, self._now_ns
        return _coded(self._data()[:4] + base45_decode(code[len(PREFIX) :])[4:]), self._now_ns

    def _of_another_store(self) -> tuple[str, int]:
        """Signed with the chain's key for a neighbour; half of them claim to be for here."""
        self._number += 1
        code = self._neighbour.issue(f"s-{self._number}", self._now_ns)
        if self._random.random() < 0.5:
            return code, self._now_ns
        data = base45_decode(code[len(PREFIX) :])
        return _coded(data[:4] + self._data()[4:8] + data[8:]), self._now_ns

    def _data(self) -> bytes:
        return base45_decode(self._fresh()[len(PREFIX) :])


def _coded(data: bytes | bytearray) -> str:
    return PREFIX + base45_encode(bytes(data))
