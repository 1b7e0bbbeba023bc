"""Goods for shops that do not exist: own-brand names, sizes, masses and prices as plausible as made-up ones get.

A kind says what its packs look like and weigh, size by size; variants of one kind are natural look-alikes. Brands
are invented.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PackSize:
    """One size a kind is sold in: what the label says, and the least and most a pack weighs, wrapping included."""

    label: str
    mass_g: tuple[float, float]


@dataclass(frozen=True)
class Kind:
    """One kind of goods. Its dimensions are of its first size; others grow with the cube root of the mass."""

    name: str
    shape: str  # box | can | bottle | bag | carton
    size_m: tuple[float, float, float]  # width, height, depth
    price_minor: int  # about, of the first size
    sizes: tuple[PackSize, ...]
    variants: tuple[str, ...]
    tax_class: str
    age_limit: int


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
    size_cm: tuple[float, float, float],
    price_minor: int,
    sizes: str,
    variants: str,
    tax_class: str = "food",
    age_limit: int = 0,
) -> Kind:
    """`sizes` reads "0.33 l 340-360, 0.5 l 515-535": label, least and most grams."""
    width, height, depth = size_cm
    packs: list[PackSize] = []
    for size in sizes.split(", "):
        label, _, masses = size.rpartition(" ")
        least, most = masses.split("-")
        packs.append(PackSize(label, (float(least), float(most))))
    return Kind(
        name=name,
        shape=shape,
        size_m=(width / 100, height / 100, depth / 100),
        price_minor=price_minor,
        sizes=tuple(packs),
        variants=tuple(variants.split(", ")),
        tax_class=tax_class,
        age_limit=age_limit,
    )


_STANDARD = "standard"

SOFT_DRINKS = Department("soft drinks", (
    _kind("Cola", "can", (6.6, 11.6, 6.6), 119, "0.33 l 340-362, 0.25 l 262-276, 0.5 l 516-534",
          "Classic, Zero, Cherry, Lemon, Vanilla", _STANDARD),
    _kind("Lemonade", "bottle", (6.6, 21.0, 6.6), 149, "0.5 l 518-575, 0.33 l 348-392, 0.75 l 772-835",
          "Orange, Lemon, Rhubarb, Elderflower, Mango", _STANDARD),
    _kind("Iced Tea", "bottle", (6.5, 20.5, 6.5), 159, "0.5 l 516-552, 0.4 l 418-448, 0.75 l 768-812",
          "Peach, Lemon, Mint, Pomegranate", _STANDARD),
    _kind("Mineral Water", "bottle", (6.4, 20.5, 6.4), 79, "0.5 l 510-542, 0.33 l 338-372, 0.75 l 765-1085",
          "Still, Sparkling, Medium", _STANDARD),
    _kind("Apple Spritzer", "bottle", (6.6, 20.5, 6.6), 139, "0.5 l 524-572, 0.33 l 352-398", "Clear, Cloudy",
          _STANDARD),
    _kind("Energy Drink", "can", (5.3, 13.5, 5.3), 169, "0.25 l 262-290, 0.33 l 345-368, 0.5 l 518-545",
          "Original, Sugar Free, Tropical, Berry", _STANDARD),
    _kind("Orange Juice", "carton", (7.2, 19.5, 7.2), 249, "1 l 1018-1068, 0.5 l 515-540, 0.2 l 212-228",
          "Smooth, With Bits", _STANDARD),
    _kind("Cold Brew", "can", (5.3, 13.2, 5.3), 239, "0.25 l 248-282, 0.2 l 205-236", "Black, Oat, Caramel",
          _STANDARD),
    _kind("Coconut Water", "carton", (6.2, 15.5, 6.2), 219, "0.33 l 345-366, 0.5 l 515-538, 1 l 1025-1062",
          "Pure, Pineapple", _STANDARD),
    _kind("Smoothie", "bottle", (6.0, 14.5, 6.0), 229, "0.25 l 268-305, 0.33 l 352-402, 0.75 l 790-850",
          "Mango, Berry, Green", _STANDARD),
))  # fmt: skip

DAIRY = Department("dairy", (
    _kind("Milk", "carton", (7.2, 19.5, 7.2), 139, "1 l 1030-1062, 0.5 l 518-540, 0.25 l 262-278",
          "Whole, Low Fat, Lactose Free"),
    _kind("Yoghurt", "can", (7.5, 7.8, 7.5), 89, "150 g 156-168, 200 g 206-222, 500 g 512-535",
          "Plain, Strawberry, Vanilla, Blueberry, Cherry"),
    _kind("Skyr", "can", (9.5, 9.6, 9.5), 209, "400 g 414-436, 150 g 157-168, 450 g 462-484",
          "Plain, Raspberry, Mango"),
    _kind("Butter", "box", (10.0, 6.4, 6.5), 279, "250 g 253-263, 125 g 127-134", "Salted, Unsalted"),
    _kind("Cream Cheese", "box", (9.5, 5.5, 8.0), 189, "150 g 164-178, 200 g 214-231, 300 g 318-338",
          "Natural, Chive, Paprika"),
    _kind("Gouda Slices", "bag", (13.0, 16.0, 3.0), 259, "150 g 156-166, 200 g 206-218, 400 g 408-424",
          "Mild, Mature, Smoked"),
    _kind("Kefir", "bottle", (6.8, 18.0, 6.8), 159, "0.5 l 518-548, 0.25 l 266-288", "Natural, Peach"),
    _kind("Eggs", "carton", (15.0, 7.2, 10.5), 249, "6 pieces 372-432, 10 pieces 618-702",
          "Free Range, Organic, Barn"),
    _kind("Feta", "box", (10.5, 5.0, 8.0), 229, "200 g 212-236, 150 g 160-178", "Sheep, Goat, Light"),
    _kind("Cocoa Drink", "bottle", (6.0, 15.5, 6.0), 129, "0.3 l 318-342, 0.5 l 525-556",
          "Cocoa, Vanilla, Banana"),
))  # fmt: skip

LUNCH = Department("lunch", (
    _kind("Sandwich", "box", (13.0, 13.0, 7.0), 359, "single 162-212, double 226-282",
          "Egg & Cress, Cheddar, Chicken, Tuna, Falafel"),
    _kind("Wrap", "carton", (8.0, 16.5, 7.0), 399, "200 g 188-226, 250 g 236-272",
          "Caesar, Falafel, Teriyaki, Halloumi"),
    _kind("Salad Bowl", "can", (15.5, 7.2, 15.5), 459, "250 g 266-296, 350 g 368-402",
          "Greek, Pasta, Quinoa, Caesar"),
    _kind("Sushi Box", "box", (18.0, 5.0, 11.0), 749, "8 pieces 196-238, 12 pieces 285-332",
          "Maki, Veggie, Salmon"),
    _kind("Soup", "can", (9.6, 11.0, 9.6), 349, "400 g 412-446, 300 g 312-338, 600 g 618-652",
          "Tomato, Lentil, Pumpkin, Minestrone"),
    _kind("Hummus", "can", (11.0, 5.5, 11.0), 229, "200 g 212-234, 150 g 160-178, 300 g 314-338",
          "Classic, Beetroot, Roast Pepper"),
    _kind("Fruit Cup", "can", (9.5, 10.0, 9.5), 299, "150 g 160-186, 250 g 262-294",
          "Melon, Mixed, Mango, Berry"),
    _kind("Rice Pudding", "can", (7.8, 8.2, 7.8), 99, "180 g 186-202, 400 g 412-432",
          "Cinnamon, Cherry, Plain"),
    _kind("Noodle Box", "carton", (8.6, 10.5, 8.6), 429, "300 g 318-352, 400 g 420-458",
          "Curry, Teriyaki, Peanut"),
    _kind("Olives", "can", (9.0, 6.0, 9.0), 269, "150 g 166-188, 250 g 268-296", "Green, Black, Mixed"),
))  # fmt: skip

SNACKS = Department("snacks", (
    _kind("Crisps", "bag", (16.5, 23.0, 7.0), 189, "150 g 158-166, 120 g 126-134, 90 g 94-101",
          "Sea Salt, Paprika, Sour Cream, Chilli, Vinegar"),
    _kind("Salted Peanuts", "can", (7.6, 9.5, 7.6), 239, "200 g 216-238, 150 g 164-180, 350 g 376-402",
          "Roasted, Honey, Wasabi"),
    _kind("Chocolate Bar", "box", (7.8, 15.5, 1.6), 149, "100 g 102-110, 80 g 82-88, 200 g 203-214",
          "Milk, Dark, Hazelnut, White, Almond"),
    _kind("Fruit Gums", "bag", (14.0, 19.0, 4.0), 129, "200 g 204-212, 150 g 154-162, 300 g 305-316",
          "Bears, Sour Rings, Berry Mix, Vegan"),
    _kind("Butter Biscuits", "box", (7.0, 18.0, 5.5), 199, "200 g 211-226, 125 g 133-144",
          "Plain, Cocoa, Lemon"),
    _kind("Muesli Bar", "box", (4.2, 13.0, 2.2), 99, "40 g 41-46, 25 g 26-30, 50 g 51-57",
          "Oat & Honey, Cranberry, Peanut, Cocoa"),
    _kind("Trail Mix", "bag", (13.5, 18.0, 5.0), 299, "200 g 205-216, 150 g 154-164, 250 g 256-268",
          "Classic, Tropical, Nut Only"),
    _kind("Pretzels", "bag", (15.0, 20.5, 6.0), 159, "175 g 180-189, 250 g 256-268, 100 g 104-111",
          "Sticks, Mini, Seeded"),
    _kind("Chewing Gum", "can", (6.2, 8.2, 6.2), 249, "46 pieces 82-96, 30 pieces 58-68",
          "Peppermint, Spearmint, Fruit"),
    _kind("Rice Crackers", "bag", (13.0, 18.5, 6.0), 189, "125 g 130-138, 80 g 84-91, 200 g 207-217",
          "Chilli, Seaweed, Plain"),
))  # fmt: skip

PANTRY = Department("pantry", (
    _kind("Penne", "bag", (12.0, 19.5, 7.0), 149, "500 g 505-522, 250 g 254-266",
          "Classic, Red Lentil, Wholegrain"),
    _kind("Basmati Rice", "box", (11.0, 17.0, 5.5), 249, "500 g 518-538, 1 kg 1022-1046", "White, Brown"),
    _kind("Chopped Tomatoes", "can", (7.5, 11.0, 7.5), 109, "400 g 450-474, 200 g 236-256",
          "Plain, Basil, Garlic"),
    _kind("Chickpeas", "can", (7.4, 10.9, 7.4), 99, "400 g 440-468, 210 g 246-268", "Natural, Organic"),
    _kind("Sweetcorn", "can", (7.3, 8.2, 7.3), 119, "300 g 334-362, 150 g 178-196", "Crisp, No Salt"),
    _kind("Tuna", "can", (8.5, 4.2, 8.5), 199, "150 g 184-208, 80 g 102-116", "In Oil, In Brine"),
    _kind("Pesto", "bottle", (6.6, 10.5, 6.6), 259, "190 g 342-372, 135 g 252-278", "Genovese, Rosso, Vegan"),
    _kind("Strawberry Jam", "bottle", (7.4, 11.5, 7.4), 239, "340 g 528-572, 250 g 402-438",
          "Smooth, Extra Fruit, Light"),
    _kind("Honey", "bottle", (7.8, 11.5, 7.8), 499, "500 g 698-738, 250 g 392-424", "Blossom, Forest"),
    _kind("Ground Coffee", "bag", (8.6, 15.0, 6.0), 449, "250 g 258-268, 500 g 511-526",
          "Mild, Strong, Decaf, Espresso"),
    _kind("Porridge Oats", "box", (12.0, 18.5, 6.5), 149, "500 g 528-554, 400 g 424-448", "Fine, Jumbo"),
    _kind("Corn Flakes", "box", (17.5, 24.5, 6.5), 249, "375 g 432-466, 250 g 298-328", "Classic, Honey"),
    _kind("Olive Oil", "bottle", (6.6, 24.5, 6.6), 699, "0.5 l 812-868, 0.25 l 448-492, 0.75 l 1168-1246",
          "Mild, Extra Virgin"),
    _kind("Flour", "bag", (10.0, 15.0, 6.6), 89, "1 kg 1008-1024, 500 g 506-516", "Wheat, Spelt, Rye"),
))  # fmt: skip

HOME = Department("home", (
    _kind("Washing-Up Liquid", "bottle", (8.6, 21.5, 5.2), 159, "0.5 l 532-572, 0.3 l 328-356",
          "Lemon, Aloe, Sensitive", _STANDARD),
    _kind("Shampoo", "bottle", (7.0, 18.5, 4.4), 279, "0.25 l 282-322, 0.1 l 118-142",
          "Nettle, Almond, Citrus, Anti Dandruff", _STANDARD),
    _kind("Shower Gel", "bottle", (7.0, 18.0, 4.2), 179, "0.25 l 278-318, 0.4 l 442-478",
          "Sea, Mint, Coconut", _STANDARD),
    _kind("Toothpaste", "box", (17.0, 4.4, 3.8), 149, "75 ml 98-126, 125 ml 158-184",
          "Fresh, White, Sensitive", _STANDARD),
    _kind("Batteries", "box", (8.4, 11.5, 1.8), 399,
          "4 pieces 96-112, 8 pieces 192-216, 12 pieces 288-318", "AA, AAA",
          _STANDARD),
    _kind("Tissues", "box", (11.5, 11.5, 11.5), 159, "60 sheets 118-142, 100 sheets 186-222",
          "White, Balsam", _STANDARD),
    _kind("Bin Liners", "box", (7.0, 19.0, 7.0), 199, "20 pieces 148-186, 40 pieces 262-308",
          "20 l, 35 l, 60 l", _STANDARD),
    _kind("Hand Soap", "bottle", (7.2, 17.5, 5.6), 139, "0.3 l 334-362, 0.5 l 548-588",
          "Olive, Milk, Lime", _STANDARD),
    _kind("Plasters", "box", (7.5, 10.5, 2.4), 229, "20 pieces 26-38, 50 pieces 58-76",
          "Fabric, Sensitive", _STANDARD),
    _kind("Candles", "box", (13.0, 9.0, 6.5), 349, "10 pieces 402-452, 4 pieces 168-196",
          "White, Red, Green", _STANDARD),
    _kind("Sponges", "bag", (11.5, 14.0, 4.5), 129, "4 pieces 48-66, 8 pieces 92-118",
          "Soft, Scratch Free", _STANDARD),
    _kind("Notebook", "box", (10.6, 14.8, 1.6), 299, "A6 142-168, A5 262-296",
          "Lined, Squared, Blank", _STANDARD),
))  # fmt: skip

BEER_AND_WINE = Department("beer and wine", (
    _kind("Lager", "can", (6.6, 16.8, 6.6), 129, "0.5 l 516-532, 0.33 l 344-360",
          "Original, Unfiltered, Light",
          _STANDARD, 16),
    _kind("Wheat Beer", "bottle", (6.8, 25.5, 6.8), 149, "0.5 l 848-886, 0.33 l 566-602",
          "Pale, Dark", _STANDARD, 16),
    _kind("Pilsner", "bottle", (6.1, 22.5, 6.1), 129, "0.33 l 588-622, 0.5 l 836-872",
          "Classic, Dry Hopped", _STANDARD, 16),
    _kind("Cider", "bottle", (6.2, 22.5, 6.2), 199, "0.33 l 604-642, 0.5 l 842-884",
          "Apple, Pear", _STANDARD, 16),
    _kind("Riesling", "bottle", (7.6, 30.0, 7.6), 799, "0.75 l 1182-1282, 0.25 l 438-482",
          "Dry, Off-Dry", _STANDARD, 16),
    _kind("Rioja", "bottle", (7.6, 30.0, 7.6), 849, "0.75 l 1194-1316, 0.25 l 446-492",
          "Young, Reserve", _STANDARD, 16),
    _kind("Gin", "bottle", (8.4, 20.5, 8.4), 1699, "0.5 l 872-962, 0.2 l 352-398",
          "London, Rose", _STANDARD, 18),
    _kind("Vodka", "bottle", (7.8, 22.5, 7.8), 1299, "0.5 l 842-928, 0.2 l 348-392",
          "Clear, Rye", _STANDARD, 18),
    _kind("Herbal Bitter", "bottle", (7.0, 19.5, 5.4), 599, "0.35 l 628-682, 0.1 l 192-224",
          "Classic, Mint", _STANDARD, 18),
    _kind("Spritz", "can", (5.8, 13.6, 5.8), 249, "0.25 l 262-286, 0.33 l 346-366",
          "Orange, Elderflower, Hugo",
          _STANDARD, 16),
    _kind("Sparkling Wine", "bottle", (7.2, 22.0, 7.2), 449, "0.375 l 742-812, 0.2 l 418-456",
          "Brut, Rose", _STANDARD, 16),
    _kind("Vermouth", "bottle", (8.0, 29.0, 8.0), 999, "0.75 l 1228-1316", "Bianco, Rosso", _STANDARD, 18),
))  # fmt: skip

BAKERY = Department("bakery", (
    _kind("Sliced Bread", "bag", (12.5, 13.0, 23.0), 199, "500 g 508-538, 750 g 758-792",
          "Rye, Wheat, Toast, Seeded"),
    _kind("Rolls", "bag", (18.5, 9.5, 15.0), 179, "4 pieces 318-362, 6 pieces 432-482",
          "Milk, Spelt, Pretzel"),
    _kind("Croissants", "bag", (18.0, 9.0, 14.0), 249, "3 pieces 166-198, 6 pieces 302-342",
          "Butter, Chocolate"),
    _kind("Muffins", "box", (16.0, 8.0, 16.0), 299, "4 pieces 288-332, 2 pieces 148-176",
          "Blueberry, Chocolate"),
    _kind("Crispbread", "box", (13.0, 12.0, 6.5), 179, "250 g 262-284, 200 g 208-226", "Rye, Sesame, Oat"),
    _kind("Rice Cakes", "bag", (9.5, 21.0, 9.5), 129, "100 g 102-112, 130 g 132-142",
          "Natural, Sea Salt, Chocolate"),
    _kind("Tortillas", "bag", (19.0, 2.8, 19.0), 199, "6 pieces 358-382, 4 pieces 238-256", "Wheat, Corn"),
    _kind("Pound Cake", "box", (9.0, 8.5, 20.0), 279, "400 g 418-446, 300 g 314-338", "Marble, Lemon, Nut"),
    _kind("Bagels", "bag", (11.5, 19.0, 8.0), 229, "4 pieces 338-372, 2 pieces 172-192", "Plain, Sesame"),
    _kind("Granola", "bag", (13.0, 20.0, 6.5), 349, "375 g 384-402, 500 g 510-528, 250 g 256-268",
          "Honey Nut, Berry, Cocoa"),
))  # fmt: skip

DEPARTMENTS = (SOFT_DRINKS, DAIRY, LUNCH, SNACKS, PANTRY, HOME, BEER_AND_WINE, BAKERY)
