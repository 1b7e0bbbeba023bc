"""A Label Studio server: pictures and tasks there, what people said back, over its HTTP API.

Takes both kinds of token that its account page gives out: a personal access token (a JSON web token, which is changed
for short-lived ones) and a legacy token.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import httpx

from openaisle.core.errors import InputError, PortUnavailable

UPLOADED_TOGETHER_MAX: Final = 20  # pictures in one request
TASKS_TOGETHER_MAX: Final = 100
_TIMEOUT_S: Final = 120.0
_UNAUTHORISED: Final = (401, 403)


class LabelStudioServer:
    """One server, as one user of it. Close it, or use it with `with`."""

    def __init__(self, url: str, token: str, *, timeout_s: float = _TIMEOUT_S) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._http = httpx.Client(base_url=self.url, timeout=timeout_s, follow_redirects=True)
        if token.count(".") == 2:
            self._renew()
        else:
            self._http.headers["Authorization"] = f"Token {token}"

    def __enter__(self) -> LabelStudioServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def create_project(self, title: str, config: str) -> int:
        """A project with this labelling configuration; its number."""
        return self._json("POST", "/api/projects", json={"title": title, "label_config": config})["id"]

    def project(self, number: int) -> Mapping[str, Any]:
        return self._json("GET", f"/api/projects/{number}")

    def configure(self, number: int, config: str) -> None:
        """Another labelling configuration for a project that is there."""
        self._json("PATCH", f"/api/projects/{number}", json={"label_config": config})

    def upload(self, project: int, pictures: Sequence[Path]) -> list[str]:
        """Send pictures; where the server finds each, same order."""
        urls: list[str] = []
        for some in _batched(pictures, UPLOADED_TOGETHER_MAX):
            # Each under a name of its own: the server answers in an order that it does not promise.
            names = [f"{number:04d}{path.suffix}" for number, path in enumerate(some)]
            files = [
                (f"picture{number}", (name, path.read_bytes()))
                for number, (name, path) in enumerate(zip(names, some, strict=True))
            ]
            address = f"/api/projects/{project}/import"
            answer = self._json("POST", address, params={"commit_to_project": "false"}, files=files)
            ids = ",".join(str(each) for each in answer["file_upload_ids"])
            listed = self._json("GET", f"/api/projects/{project}/file-uploads", params={"ids": f"[{ids}]"})
            place = {each["file"].rpartition("-")[2]: each["file"] for each in listed}
            urls += [f"/data/{place[name]}" for name in names]
        return urls

    def add_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> int:
        """Add tasks with what they bring of annotations and predictions. Returns how many there are now."""
        for some in _batched(tasks, TASKS_TOGETHER_MAX):
            self._json("POST", f"/api/projects/{project}/import", json=list(some))
        return int(self.project(project)["task_number"])

    def tasks(self, project: int) -> list[dict[str, Any]]:
        """All tasks with all annotations and predictions."""
        query = {"exportType": "JSON", "download_all_tasks": "true"}
        done = self._json("GET", f"/api/projects/{project}/export", params=query)
        predictions = self._json("GET", "/api/predictions", params={"project": project})
        by_task: dict[int, list[dict[str, Any]]] = {}
        for each in predictions:
            by_task.setdefault(each["task"], []).append(each)
        return [task | {"predictions": by_task.get(task["id"], [])} for task in done]

    def annotate(self, task: int, result: Sequence[Mapping[str, Any]]) -> int:
        """Say what is in a task's picture, as a person does in the browser; the annotation's number."""
        return self._json("POST", f"/api/tasks/{task}/annotations", json={"result": list(result)})["id"]

    def _renew(self) -> None:
        answer = self._asked("POST", "/api/token/refresh", json={"refresh": self._token})
        self._http.headers["Authorization"] = f"Bearer {self._checked(answer).json()['access']}"

    def _json(self, method: str, address: str, **more: Any) -> Any:
        answer = self._asked(method, address, **more)
        if answer.status_code in _UNAUTHORISED and self._token.count(".") == 2:
            self._renew()  # the short-lived one is over
            answer = self._asked(method, address, **more)
        self._checked(answer)
        try:
            return answer.json()
        except ValueError:
            raise InputError("no Label Studio there", field="--server", found=self.url) from None

    def _asked(self, method: str, address: str, **more: Any) -> httpx.Response:
        try:
            return self._http.request(method, address, **more)
        except httpx.HTTPError as error:
            raise PortUnavailable(f"no Label Studio at {self.url}: {error}") from error
        except httpx.InvalidURL as error:
            raise InputError("not an address", field="--server", found=self.url) from error

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code in _UNAUTHORISED:
            expected = (
                "a token from the server's page Account & Settings, of a kind that its organisation allows"
            )
            raise InputError("the server does not know this token", field="--token", expected=expected)
        if answer.is_error:
            found = f"{answer.status_code} {answer.text[:300]}"
            raise InputError(f"the server refused {answer.request.url.path}", field="--server", found=found)
        return answer


def _batched(rows: Sequence[Any], count: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(rows), count):
        yield rows[start : start + count]
