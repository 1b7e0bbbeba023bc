"""The repository holds itself to its own taste."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "src" / "openaisle"
ROOMS = ("readings", "detections", "tracks", "interactions", "carts", "receipts")
DECISION_HEADINGS = ["Context", "Decision", "Consequences", "Not chosen"]

LINES_MAX = 700
LINES_WORTH_A_LOOK = 500
FILE_BYTES_MAX = 8 * 2**20


# Files


def test_no_source_file_passes_700_lines(capsys: pytest.CaptureFixture[str]) -> None:
    lines = {shown(path): text(path).count("\n") for path in our_source(".py", ".js", ".css", ".html")}
    long = sorted(
        ((count, name) for name, count in lines.items() if count > LINES_WORTH_A_LOOK), reverse=True
    )
    if long:
        with capsys.disabled():
            print("\n\nlines  file (over 500: which of its nouns wants its own room?)")
            print("\n".join(f"{count:5}  {name}" for count, name in long))
    assert [name for count, name in long if count > LINES_MAX] == []


def test_no_tracked_file_passes_8_mib() -> None:
    assert [shown(path) for path in tracked() if path.stat().st_size > FILE_BYTES_MAX] == []


def test_no_tracked_file_names_a_path_of_one_machine() -> None:
    # Spelled in two halves, so that this file passes its own test.
    machine_path = re.compile(r"(?<![\w.~}-])/(?:wo" + r"rk|ro" + r"ot|ho" + r"me)/")
    assert list(lines_matching(machine_path, tracked())) == []


def test_every_file_of_the_package_is_installed_with_it() -> None:
    patterns = pyproject()["tool"]["setuptools"]["package-data"]["*"]
    installed = {".py", *(Path(pattern).suffix for pattern in patterns)}
    inside = [path for path in tracked() if path.is_relative_to(PACKAGE) and path.name != "py.typed"]
    assert [shown(path) for path in inside if path.suffix not in installed] == []


# Source


def test_every_package_says_what_it_is() -> None:
    packages = sorted({path.parent for path in our_source(".py")})
    silent = [package for package in packages if not docstring(package / "__init__.py")]
    assert [shown(package) for package in silent] == []


def test_nothing_is_left_to_be_done_in_the_source() -> None:
    left = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XXX)\b")
    assert list(lines_matching(left, our_source(".py", ".js", ".css", ".html", ".toml", ".sql"))) == []


def test_only_learning_imports_torch() -> None:
    others = [path for path in our_source(".py") if not path.is_relative_to(PACKAGE / "learning")]
    assert [shown(path) for path in others if "torch" in imported_roots(path)] == []


def test_no_room_prints() -> None:
    rooms = [path for path in our_source(".py") if path.relative_to(PACKAGE).parts[0] in ROOMS]
    assert [shown(path) for path in rooms if calls_print(path)] == []


# Words


def test_every_decision_has_its_four_headings() -> None:
    decisions = sorted((REPOSITORY / "docs" / "decisions").glob("*.md"))
    headings = {shown(path): re.findall(r"^## (.+)$", text(path), re.MULTILINE) for path in decisions}
    assert [name for name, found in headings.items() if found != DECISION_HEADINGS] == []


def test_every_relative_link_leads_somewhere() -> None:
    pages = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
    links = [(page, target) for page in pages if page.is_file() for target in relative_links(page)]
    assert [f"{shown(page)}: {target}" for page, target in links if not (page.parent / target).exists()] == []


# The lock


def test_the_lock_pins_every_dependency_to_hashes() -> None:
    project = pyproject()["project"]
    wanted = project["dependencies"] + [
        requirement
        for extra in ("sim", "demo", "dev")
        for requirement in project["optional-dependencies"][extra]
    ]
    names = {re.split(r"[^A-Za-z0-9_.-]", requirement)[0] for requirement in wanted}
    assert names - locked_versions().keys() == set()

    pins = re.split(r"^(?=[a-z])", text(REPOSITORY / "requirements.lock"), flags=re.MULTILINE)[1:]
    assert [pin.split()[0] for pin in pins if "==" not in pin or "--hash=sha256:" not in pin] == []


def test_the_lock_names_no_host() -> None:
    lock = text(REPOSITORY / "requirements.lock")
    assert re.findall(r"\S*://\S*|^--(?!hash).*|^-[a-z] .*", lock, re.MULTILINE) == []


def test_the_lock_leaves_out_torch_qt_and_vtk() -> None:
    unwanted = re.compile(r"torch|nvidia|triton|pyside|shiboken|vtk")
    assert [name for name in locked_versions() if unwanted.match(name)] == []


# Leaves


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that git tracks and that is there."""
    if not (REPOSITORY / ".git").exists():
        pytest.skip("not a git checkout, so there are no tracked files to look at")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, check=True, capture_output=True)
    paths = [REPOSITORY / name for name in listing.stdout.decode().split("\0") if name]
    return tuple(path for path in paths if path.is_file())


def our_source(*suffixes: str) -> list[Path]:
    """The package's own files with one of these suffixes, without what others wrote (vendor folders)."""
    paths = sorted(path for path in PACKAGE.rglob("*") if path.suffix in suffixes and path.is_file())
    return [path for path in paths if "vendor" not in path.parts and "__pycache__" not in path.parts]


def shown(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


@cache
def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def lines_matching(pattern: re.Pattern[str], paths: list[Path] | tuple[Path, ...]) -> Iterator[str]:
    """`file:line: text` for each line of each text file in which the pattern is found."""
    for path in paths:
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
            if pattern.search(line):
                yield f"{shown(path)}:{number}: {line.strip()[:100]}"


def docstring(path: Path) -> str | None:
    return ast.get_docstring(ast.parse(text(path))) if path.is_file() else None


def imported_roots(path: Path) -> set[str]:
    """The top-level names of all modules a file imports, wherever in the file it does."""
    roots: set[str] = set()
    for node in ast.walk(ast.parse(text(path))):
        if isinstance(node, ast.Import):
            roots.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            roots.add(node.module.split(".")[0])
    return roots


def calls_print(path: Path) -> bool:
    calls = [node.func for node in ast.walk(ast.parse(text(path))) if isinstance(node, ast.Call)]
    return any(isinstance(called, ast.Name) and called.id == "print" for called in calls)


def relative_links(page: Path) -> list[str]:
    """Targets of Markdown links and HTML images that are files here, without their #fragments."""
    prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", text(page), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(<?([^)\s>]+)", prose) + re.findall(r"(?:src|href)=\"([^\"]+)\"", prose)
    files = [target.split("#")[0] for target in targets if not re.match(r"[a-z][a-z0-9+.-]*:", target)]
    return [target for target in files if target]


@cache
def pyproject() -> dict:
    return tomllib.loads(text(REPOSITORY / "pyproject.toml"))


def locked_versions() -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text(REPOSITORY / "requirements.lock"), re.MULTILINE))
