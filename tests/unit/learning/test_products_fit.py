"""The product network fitted to a shop's own packs: a matrix behind its vectors, chosen where it serves."""

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from openaisle.core.errors import InputError
from openaisle.detections.products import PRODUCTS_FILE, ProductNetwork, ProductSettings
from openaisle.detections.runtime import SHIPPED, RuntimeSettings
from openaisle.labels.dataset import CHECK, TRAIN, Source
from openaisle.labels.folder import read_dataset, write_dataset
from openaisle.labels.formats import bring
from openaisle.learning import compare_products
from openaisle.learning.compared import BETTER, CANNOT_TELL, verdict
from openaisle.learning.products_fit import Seen, fit, metric, right, within


def test_what_differs_within_a_product_counts_less() -> None:
    rng = np.random.default_rng(4)
    products = np.repeat([f"P{number}" for number in range(20)], 6)
    own = np.repeat(rng.normal(0, 1, (20, 8)), 6, axis=0)
    own[:, 0] = 0.0
    noise = rng.normal(0, 0.05, own.shape)
    noise[:, 0] = rng.normal(0, 6.0, len(own))  # light, say: it tells nothing
    seen = Seen(own + noise, products)
    first, rest = Seen(seen.vectors[::2], products[::2]), Seen(seen.vectors[1::2], products[1::2])
    scatter = within(first)
    assert np.trace(scatter) / len(scatter) == pytest.approx(1.0)
    assert np.allclose(metric(scatter, 0.0), np.eye(8))
    assert right(first, rest, metric(scatter, 0.9)) > right(first, rest, np.eye(8)) + 0.2


@pytest.fixture(scope="module")
def shelf(packs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packs of one rendered shop as labels: every third picture to check by."""
    folder = tmp_path_factory.mktemp("shelf")
    made = bring("coco", packs / "coco", folder / "data", facts={}, origin=Source(name="rendered"))
    frames = [
        replace(frame, split=CHECK if number % 3 == 0 else TRAIN) for number, frame in enumerate(made.frames)
    ]
    write_dataset(folder / "data", replace(made, frames=tuple(frames)))
    return folder / "data"


def test_the_fitted_file_says_what_the_matrix_makes_of_the_shipped_ones_vectors(
    shelf: Path, tmp_path: Path
) -> None:
    pytest.importorskip("onnx", reason="writing models needs onnx: pip install onnx")
    done = fit(shelf, SHIPPED, tmp_path)
    assert done.packs > done.products > 2
    assert done.right_after >= done.right_before  # there are none held out: it is what was chosen by
    pixels = [np.random.default_rng(2).integers(0, 255, (96, 96, 3), dtype=np.uint8) for _ in range(3)]
    before, after = (
        ProductNetwork(ProductSettings(runtime=RuntimeSettings(weights=weights)))
        for weights in (SHIPPED, tmp_path)
    )
    assert np.allclose(before.see(pixels).cells, after.see(pixels).cells, atol=1e-5)
    if done.share == 0:
        assert np.allclose(before.see(pixels).vectors, after.see(pixels).vectors, atol=1e-4)
    assert len(after.calibration.empty_vector) == 128


def test_a_product_network_is_no_better_than_itself_and_better_than_one_that_forgot(
    shelf: Path, tmp_path: Path
) -> None:
    onnx = pytest.importorskip("onnx", reason="writing models needs onnx: pip install onnx")
    shipped = RuntimeSettings(weights=SHIPPED)
    same = compare_products.compare(shelf, shipped, shipped, split=CHECK)
    whole = same[0].figures["right first"]
    assert verdict(same, compare_products.DECIDING) == CANNOT_TELL
    assert 0 < whole.new == whole.old <= same[0].figures["among five"].new
    assert (whole.low, whole.high) == (0, 0)
    model = onnx.load(str(SHIPPED / PRODUCTS_FILE))
    layer = next(each for each in model.graph.initializer if each.name == "whole.weight")
    forgot = np.zeros(layer.dims, np.float32)
    layer.CopyFrom(onnx.numpy_helper.from_array(forgot, layer.name))
    onnx.save(model, str(tmp_path / PRODUCTS_FILE))
    against = compare_products.compare(shelf, shipped, RuntimeSettings(weights=tmp_path), split=CHECK)
    assert verdict(against, compare_products.DECIDING).startswith(BETTER)
    with pytest.raises(InputError, match="no packs of the split held_out"):
        compare_products.compare(shelf, shipped, shipped)


def test_too_few_packs_are_refused(shelf: Path, tmp_path: Path) -> None:
    dataset = read_dataset(shelf)
    write_dataset(
        tmp_path, replace(dataset, frames=tuple(replace(frame, split=TRAIN) for frame in dataset.frames))
    )
    with pytest.raises(InputError, match=r"too few packs.*to check by"):
        fit(tmp_path, SHIPPED, tmp_path / "out")
