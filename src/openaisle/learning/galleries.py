"""The gallery that a shop's packs are recognised from: as enrolled or, where the shop is simulated, as drawn.

A drawn gallery takes seconds to make, so it is kept in the user's cache folder. Its file is named by all that went
into it, the network and a picture drawn now among them: where anything changed another file is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from openaisle.adapters.model_files import cache_folder
from openaisle.core.errors import InputError
from openaisle.core.messages import ProductId
from openaisle.detections.gallery import Gallery, load_gallery, save_gallery
from openaisle.detections.products import ProductNetwork
from openaisle.sim.pack_pictures import gallery_pictures, goods_for_pictures
from openaisle.store.schema import Store


def rendered_gallery(
    store: Store, network: ProductNetwork, product_ids: Sequence[ProductId] | None = None
) -> Gallery:
    """The gallery of a store whose packs exist only as designs; of all its products or some."""
    goods = goods_for_pictures(store)
    enrolled = {
        product_id: network.enrol(gallery_pictures(store, goods, product_id))
        for product_id in product_ids or sorted(store.products)
    }
    return Gallery(network.sha256, enrolled)


def simulated_gallery(store: Store, network: ProductNetwork) -> Gallery:
    """`rendered_gallery` of all products, from the cache where it was made before."""
    path = _cached(store, network)
    try:
        return load_gallery(path, network.sha256)
    except InputError:
        pass  # Not made yet, or damaged: it is made anew.
    gallery = rendered_gallery(store, network)
    try:
        save_gallery(gallery, path)
    except OSError:
        return gallery  # Nowhere to keep it.
    # As it will be the next time: the file's numbers are coarser.
    return load_gallery(path, network.sha256)


def _cached(store: Store, network: ProductNetwork) -> Path:
    """Where the drawn gallery of these products lies."""
    made_of = hashlib.sha256(network.sha256.encode())
    made_of.update(repr([store.products[product_id] for product_id in sorted(store.products)]).encode())
    for product_id in sorted(store.products)[:1]:
        # Designs are the code's: one stands for all.
        alone = replace(store, products={product_id: store.products[product_id]})
        for pixels in gallery_pictures(alone, goods_for_pictures(alone), product_id):
            made_of.update(pixels.tobytes())
    return cache_folder() / "galleries" / f"{store.store_id}-{made_of.hexdigest()[:16]}.npz"
