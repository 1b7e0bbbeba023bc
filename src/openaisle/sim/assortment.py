"""Goods for shops that do not exist: own-brand names, sizes, masses and prices as plausible as made-up ones get.

A kind says what its packs look like and weigh; variants of one kind are natural look-alikes. Brands are invented.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of goods. Ranges are (least, most) over its brands and pack sizes."""

    name: str
    shape: str
    mass_g: tuple[float, float]
    width_m: tuple[float, float]
    height_m: tuple[float, float]
    depth_m: tuple[float, float]
    price_minor: tuple[int, int]
    variants: tuple[str, ...]
    tax_class: str = "food"
    age_limit: int = 0


@dataclass(frozen=True)
class Department:
    """Kinds that stand together on one piece of shelving."""

    name: str
    kinds: tuple[Kind, ...]


BRANDS = (
    "Alder & Finch", "Bramwell", "Corvina", "Dovetail", "Elmstone", "Fennick", "Goldhaven", "Harrow Lane", "Ivenna",
    "Juniper Row", "Kestrelby", "Larkmoor", "Mellowick", "Nordhofen", "Oakling", "Pellini Sud", "Quillon", "Rosenau",
    "Sommerby", "Tarnwell", "Umberto Vale", "Veldkamp", "Wexley", "Yarrowby",
)  # fmt: skip


def _kind(
    name: str,
    shape: str,
    mass_g: tuple[float, float],
    size_cm: tuple[float, float, float],
    price_minor: tuple[int, int],
    variants: str,
    *,
    tax_class: str = "food",
    age_limit: int = 0,
) -> Kind:
    width, height, depth = (side / 100 for side in size_cm)
    return Kind(
        name=name,
        shape=shape,
        mass_g=mass_g,
        width_m=(round(width * 0.92, 3), round(width * 1.08, 3)),
        height_m=(round(height * 0.92, 3), round(height * 1.08, 3)),
        depth_m=(round(depth * 0.92, 3), round(depth * 1.08, 3)),
        price_minor=price_minor,
        variants=tuple(variant.strip() for variant in variants.split(",")),
        tax_class=tax_class,
        age_limit=age_limit,
    )


def _standard(
    name: str,
    shape: str,
    mass_g: tuple[float, float],
    size_cm: tuple[float, float, float],
    price_minor: tuple[int, int],
    variants: str,
    age_limit: int = 0,
) -> Kind:
    return _kind(
        name, shape, mass_g, size_cm, price_minor, variants, tax_class="standard", age_limit=age_limit
    )


DEPARTMENTS = (
    Department("soft drinks", (
        _standard("Cola", "can", (340, 365), (6.6, 11.6, 6.6), (89, 149), "Classic, Zero, Cherry, Lemon, Vanilla"),
        _standard("Lemonade", "bottle", (520, 570), (6.6, 21.5, 6.6), (119, 189), "Orange, Lemon, Rhubarb, Elderflower, Mango"),
        _standard("Iced Tea", "bottle", (515, 545), (6.5, 21.0, 6.5), (129, 199), "Peach, Lemon, Mint, Pomegranate"),
        _standard("Mineral Water", "bottle", (510, 535), (6.4, 22.0, 6.4), (59, 99), "Still, Sparkling, Medium"),
        _standard("Apple Spritzer", "bottle", (525, 560), (6.7, 21.5, 6.7), (99, 169), "Clear, Cloudy"),
        _standard("Energy Drink", "can", (262, 285), (5.3, 13.5, 5.3), (129, 219), "Original, Sugar Free, Tropical, Berry"),
        _standard("Orange Juice", "carton", (1020, 1060), (7.2, 19.5, 7.2), (199, 299), "Smooth, With Bits"),
        _standard("Cold Brew", "can", (245, 275), (5.3, 13.4, 5.3), (199, 279), "Black, Oat, Caramel"),
    )),
    Department("dairy", (
        _kind("Milk", "carton", (1030, 1060), (7.2, 20.0, 7.2), (109, 179), "Whole, Low Fat, Lactose Free"),
        _kind("Yoghurt", "can", (155, 215), (7.5, 8.0, 7.5), (59, 129), "Plain, Strawberry, Vanilla, Blueberry, Cherry"),
        _kind("Skyr", "can", (410, 470), (9.5, 9.8, 9.5), (179, 249), "Plain, Raspberry, Mango"),
        _kind("Butter", "box", (253, 262), (10.0, 6.4, 6.5), (219, 349), "Salted, Unsalted"),
        _kind("Cream Cheese", "box", (165, 225), (9.5, 5.5, 8.0), (149, 239), "Natural, Chive, Paprika"),
        _kind("Gouda Slices", "bag", (155, 215), (13.0, 17.0, 3.0), (199, 329), "Mild, Mature, Smoked"),
        _kind("Kefir", "bottle", (515, 545), (6.8, 18.0, 6.8), (139, 199), "Natural, Peach"),
        _kind("Eggs", "carton", (380, 720), (15.0, 7.5, 10.5), (229, 379), "Free Range, Organic, Barn"),
    )),
    Department("lunch", (
        _kind("Sandwich", "box", (165, 235), (13.0, 14.0, 7.0), (299, 449), "Egg & Cress, Cheddar, Chicken, Tuna, Falafel"),
        _kind("Wrap", "carton", (185, 245), (8.0, 17.0, 7.0), (349, 499), "Caesar, Falafel, Teriyaki, Halloumi"),
        _kind("Salad Bowl", "can", (240, 340), (16.0, 7.5, 16.0), (399, 599), "Greek, Pasta, Quinoa, Caesar"),
        _kind("Sushi Box", "box", (195, 285), (18.0, 5.0, 11.0), (599, 899), "Maki, Veggie, Salmon"),
        _kind("Soup", "can", (405, 470), (9.8, 11.5, 9.8), (299, 449), "Tomato, Lentil, Pumpkin, Minestrone"),
        _kind("Hummus", "can", (185, 225), (11.0, 5.5, 11.0), (199, 299), "Classic, Beetroot, Roast Pepper"),
        _kind("Fruit Cup", "can", (145, 265), (9.5, 10.5, 9.5), (249, 399), "Melon, Mixed, Mango, Berry"),
        _kind("Rice Pudding", "can", (185, 215), (7.8, 8.5, 7.8), (79, 149), "Cinnamon, Cherry, Plain"),
    )),
    Department("snacks", (
        _kind("Crisps", "bag", (98, 190), (17.0, 25.0, 7.0), (149, 279), "Sea Salt, Paprika, Sour Cream, Chilli, Vinegar"),
        _kind("Salted Peanuts", "can", (165, 235), (7.6, 9.5, 7.6), (179, 299), "Roasted, Honey, Wasabi"),
        _kind("Chocolate Bar", "box", (98, 112), (7.8, 16.0, 1.6), (119, 229), "Milk, Dark, Hazelnut, White, Almond"),
        _kind("Fruit Gums", "bag", (185, 235), (14.0, 20.0, 4.0), (109, 189), "Bears, Sour Rings, Berry Mix, Vegan"),
        _kind("Butter Biscuits", "box", (130, 215), (7.0, 19.0, 5.5), (149, 259), "Plain, Cocoa, Lemon"),
        _kind("Muesli Bar", "box", (28, 55), (4.2, 13.0, 2.2), (79, 149), "Oat & Honey, Cranberry, Peanut, Cocoa"),
        _kind("Trail Mix", "bag", (155, 225), (13.5, 19.0, 5.0), (229, 379), "Classic, Tropical, Nut Only"),
        _kind("Pretzels", "bag", (165, 235), (15.5, 22.0, 6.0), (129, 199), "Sticks, Mini, Seeded"),
        _kind("Chewing Gum", "can", (78, 96), (6.2, 8.2, 6.2), (199, 299), "Peppermint, Spearmint, Fruit"),
    )),
    Department("pantry", (
        _kind("Spaghetti", "bag", (505, 520), (7.5, 26.0, 3.6), (99, 229), "Classic, Wholegrain"),
        _kind("Penne", "bag", (505, 522), (12.0, 21.0, 7.0), (99, 229), "Classic, Red Lentil, Wholegrain"),
        _kind("Basmati Rice", "box", (520, 1040), (11.0, 18.0, 5.5), (199, 399), "White, Brown"),
        _kind("Chopped Tomatoes", "can", (450, 472), (7.5, 11.0, 7.5), (79, 159), "Plain, Basil, Garlic"),
        _kind("Chickpeas", "can", (440, 470), (7.4, 10.9, 7.4), (79, 139), "Natural, Organic"),
        _kind("Sweetcorn", "can", (330, 365), (7.3, 8.2, 7.3), (89, 149), "Crisp, No Salt"),
        _kind("Tuna", "can", (185, 215), (8.5, 4.2, 8.5), (149, 279), "In Oil, In Brine"),
        _kind("Pesto", "bottle", (340, 375), (6.6, 10.5, 6.6), (199, 349), "Genovese, Rosso, Vegan"),
        _kind("Strawberry Jam", "bottle", (520, 610), (7.6, 12.0, 7.6), (189, 329), "Smooth, Extra Fruit, Less Sugar"),
        _kind("Honey", "bottle", (690, 740), (7.8, 12.5, 7.8), (399, 649), "Blossom, Forest"),
        _kind("Ground Coffee", "bag", (258, 525), (9.0, 18.0, 6.2), (399, 749), "Mild, Strong, Decaf, Espresso"),
        _kind("Porridge Oats", "box", (520, 560), (12.0, 19.0, 6.5), (119, 229), "Fine, Jumbo"),
        _kind("Corn Flakes", "box", (390, 520), (19.0, 28.0, 6.8), (199, 349), "Classic, Honey"),
        _kind("Olive Oil", "bottle", (860, 940), (7.5, 26.0, 7.5), (599, 999), "Mild, Extra Virgin"),
    )),
    Department("home", (
        _standard("Washing-Up Liquid", "bottle", (530, 575), (8.8, 22.5, 5.2), (119, 219), "Lemon, Aloe, Sensitive"),
        _standard("Shampoo", "bottle", (275, 330), (7.0, 19.0, 4.4), (199, 399), "Nettle, Almond, Citrus, Anti Dandruff"),
        _standard("Shower Gel", "bottle", (275, 325), (7.0, 18.5, 4.2), (129, 249), "Sea, Mint, Coconut"),
        _standard("Toothpaste", "box", (95, 130), (18.0, 4.6, 3.8), (99, 249), "Fresh, White, Sensitive"),
        _standard("Batteries", "box", (96, 110), (8.4, 12.0, 1.8), (299, 549), "AA, AAA"),
        _standard("Kitchen Towels", "bag", (240, 330), (23.0, 23.5, 12.0), (199, 349), "Two Rolls, Strong"),
        _standard("Tissues", "box", (115, 165), (11.5, 12.0, 11.5), (129, 219), "White, Balsam"),
        _standard("Bin Liners", "box", (145, 265), (7.0, 22.0, 7.0), (149, 279), "20 l, 35 l, 60 l"),
        _standard("Hand Soap", "bottle", (330, 365), (7.2, 18.5, 5.6), (99, 199), "Olive, Milk, Lime"),
        _standard("Plasters", "box", (26, 48), (7.5, 11.0, 2.4), (179, 329), "Fabric, Sensitive"),
    )),
    Department("beer and wine", (
        _standard("Lager", "can", (515, 530), (6.6, 16.8, 6.6), (99, 169), "Original, Unfiltered, Light", 16),
        _standard("Wheat Beer", "bottle", (845, 890), (6.8, 25.5, 6.8), (119, 189), "Pale, Dark", 16),
        _standard("Pilsner", "bottle", (620, 660), (6.1, 22.5, 6.1), (99, 169), "Classic, Dry Hopped", 16),
        _standard("Cider", "bottle", (600, 640), (6.2, 23.0, 6.2), (149, 249), "Apple, Pear", 16),
        _standard("Riesling", "bottle", (1180, 1280), (7.6, 30.5, 7.6), (599, 999), "Dry, Off-Dry", 16),
        _standard("Rioja", "bottle", (1190, 1310), (7.6, 30.5, 7.6), (599, 1199), "Young, Reserve", 16),
        _standard("Gin", "bottle", (820, 960), (8.6, 21.5, 8.6), (1399, 1999), "London, Rose", 18),
        _standard("Vodka", "bottle", (830, 980), (8.0, 24.0, 8.0), (1099, 1599), "Clear, Rye", 18),
        _standard("Herbal Bitter", "bottle", (190, 240), (5.2, 14.5, 4.6), (449, 699), "Classic, Mint", 18),
    )),
    Department("bakery", (
        _kind("Sliced Bread", "bag", (510, 780), (12.5, 13.5, 24.0), (149, 299), "Rye, Wheat, Toast, Seeded"),
        _kind("Rolls", "bag", (320, 460), (21.0, 10.0, 16.0), (129, 249), "Milk, Spelt, Pretzel"),
        _kind("Croissants", "bag", (165, 325), (20.0, 10.0, 15.0), (199, 299), "Butter, Chocolate"),
        _kind("Muffins", "box", (285, 345), (17.0, 8.5, 17.0), (249, 349), "Blueberry, Chocolate"),
        _kind("Crispbread", "box", (205, 265), (13.0, 12.5, 6.5), (129, 219), "Rye, Sesame, Oat"),
        _kind("Rice Cakes", "bag", (98, 132), (9.5, 22.0, 9.5), (99, 179), "Natural, Sea Salt, Chocolate"),
        _kind("Tortillas", "bag", (355, 375), (20.0, 2.8, 20.0), (149, 249), "Wheat, Corn"),
    )),
)  # fmt: skip
