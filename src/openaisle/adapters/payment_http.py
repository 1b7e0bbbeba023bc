"""What adapters to processors share that speak plain HTTP: one call whose outcome is an answer or is unknown."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any, Final

import httpx

from openaisle.core.errors import PortUnavailable

TIMEOUT_S: Final = 20.0


class ProcessorHttp:
    """Calls of one processor, one after another."""

    def __init__(self, name: str, url: str, headers: dict[str, str]) -> None:
        self._name = name
        self._client = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_S)

    def call(self, method: str, path: str, **request: Any) -> tuple[int, dict[str, Any]]:
        """Status and body of an answer that says what happened. PortUnavailable where none does."""
        try:
            response = self._client.request(method, path, **request)
            body = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise PortUnavailable(
                f"{self._name} gave no answer that tells what happened: {type(error).__name__}: {error}"
            ) from error
        if response.status_code in (401, 403, 404, 408, 409, 429) or response.status_code >= 500:
            raise PortUnavailable(f"{self._name} answered {response.status_code}: {body}")
        return response.status_code, body

    def close(self) -> None:
        self._client.close()


def signed(key: bytes, data: bytes) -> str:
    """HMAC-SHA256 in base 64, as Adyen and Square sign their webhooks."""
    return base64.b64encode(hmac.new(key, data, hashlib.sha256).digest()).decode()


def is_signed(key: bytes, data: bytes, signature: str) -> bool:
    return hmac.compare_digest(signed(key, data), signature)
