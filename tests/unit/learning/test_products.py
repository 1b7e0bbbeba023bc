"""Product pictures, their batches, and training. What needs torch is skipped without it."""

import json
from pathlib import Path

import numpy as np
import pytest

from openaisle.core.errors import InputError
from openaisle.learning.coco_labels import LABELS
from openaisle.learning.enrol import read_picture
from openaisle.learning.people_stores import training_store
from openaisle.learning.products_data import NOTHING, Packs
from openaisle.learning.products_pictures import STORED_PX, with_look_alikes


def test_every_product_of_a_training_store_has_a_look_alike() -> None:
    store = with_look_alikes(training_store(35), np.random.default_rng(1))
    paired = {product.look_alike_of for product in store.products.values()}
    for product in store.products.values():
        assert product.look_alike_of is not None or product.product_id in paired
        if product.look_alike_of is not None:
            assert product.name != store.products[product.look_alike_of].name


def test_a_shard_holds_pictures_with_the_truth_about_them(packs: Path) -> None:
    shard = packs / "packs-0035"
    pixels, product, pair = (np.load(shard / f"{name}.npy") for name in ("pixels", "product", "pair"))
    assert pixels.shape == (len(product), STORED_PX, STORED_PX, 3)
    is_pack = product >= 0
    assert (product[~is_pack] == -1).all()
    assert (pair[is_pack] >= 0).all()
    assert (pair[is_pack] != product[is_pack]).all()
    assert len(np.load(shard / "traits.npy")) > product.max()


def test_labels_in_cocos_words_name_each_pack_and_where_it_is(packs: Path) -> None:
    labels = json.loads((packs / "coco" / LABELS).read_text())
    product = np.load(packs / "packs-0035" / "product.npy")
    assert len(labels["images"]) == len(product)
    assert len(labels["annotations"]) == (product >= 0).sum()
    names = {each["id"]: each["product_id"] for each in labels["categories"]}
    pairs = {each["product_id"]: each["look_alike_of"] for each in labels["categories"]}
    assert any(other in pairs for other in pairs.values())
    for each in labels["annotations"]:
        assert product[each["image_id"] - 1] == each["category_id"] - 1
        assert each["category_id"] in names
        x, y, width, height = each["bbox"]
        assert max(width, height) == pytest.approx(0.62 * STORED_PX, rel=0.01)
        assert x + width / 2 == pytest.approx(STORED_PX / 2, abs=1)
        assert y + height / 2 == pytest.approx(STORED_PX / 2, abs=1)
    picture = read_picture(packs / "coco" / labels["images"][0]["file_name"])
    stored = np.load(packs / "packs-0035" / "pixels.npy")[0]
    assert np.abs(picture.astype(int) - stored).mean() < 6  # JPEG


def test_a_batch_is_made_of_look_alike_pairs_and_empty_hands(packs: Path) -> None:
    batch = Packs([packs]).batch(3, 2, 64, np.random.default_rng(1))
    assert batch.pixels.shape == (14, 64, 64, 3)
    fours = batch.classes[:12].reshape(3, 4)
    assert (fours[:, 0] == fours[:, 1]).all()
    assert (fours[:, 2] == fours[:, 3]).all()
    assert (fours[:, 0] != fours[:, 2]).all()
    assert batch.classes[12:].tolist() == [NOTHING, NOTHING]


def test_the_same_seed_makes_the_same_batch(packs: Path) -> None:
    one, other = (Packs([packs]).batch(2, 1, 64, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(one.classes, other.classes)


def test_training_learns_stops_and_goes_on(packs: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs torch: pip install torch==2.13.0 onnx")
    from openaisle.learning.train_products import Trainer, TrainSettings

    short = TrainSettings(pictures=13 * 100, pairs=3, empty=1, seed=3, bf16=False)
    said: list[float] = []
    Trainer([packs], tmp_path, short).run(lambda progress: said.append(progress.loss))
    assert said[-1] < said[0]
    again = Trainer([packs], tmp_path, short)
    assert again.seen == 13 * 100


def test_an_exported_network_runs_in_the_shop(packs: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs torch: pip install torch==2.13.0 onnx")
    pytest.importorskip("onnx", reason="exporting needs onnx: pip install torch==2.13.0 onnx")
    from openaisle.detections.products import ProductNetwork, ProductSettings
    from openaisle.detections.runtime import RuntimeSettings
    from openaisle.learning.products_export import export
    from openaisle.learning.train_products import Trainer, TrainSettings

    with pytest.raises(InputError, match="no checkpoint"):
        export(tmp_path, tmp_path, [packs])
    Trainer([packs], tmp_path, TrainSettings(pictures=18, pairs=4, empty=2)).run(lambda _: None)
    export(tmp_path, tmp_path, [packs])
    network = ProductNetwork(ProductSettings(runtime=RuntimeSettings(weights=tmp_path)))
    seen = network.see([np.full((40, 60, 3), 90, np.uint8)] * 2)
    np.testing.assert_allclose(np.linalg.norm(seen.vectors, axis=1), 1.0, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(seen.cells, axis=2), 1.0, atol=1e-4)
    assert len(network.calibration.empty_vector) == seen.vectors.shape[1]
