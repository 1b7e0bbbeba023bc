"""A shop of one gondola, two shelves and four products, built in code: what the tests of these rooms stand in."""

from openaisle.core.geometry import Lens
from openaisle.store.schema import Camera, Gate, Gondola, Plate, Product, Shelf, Slot, Store

PRODUCTS = (
    # id, gtin, name, price_minor, tax class, grams
    ("cola", "4006381333931", "Cola 0.33 l", 150, "drinks", 350.0),
    ("lemonade", "4012345678901", "Lemonade 0.33 l", 150, "drinks", 350.0),
    ("bread", "5901234123457", "Rye bread", 299, "food", 500.0),
    ("chocolate", "", "Chocolate bar", 119, "food", 100.0),
)


def small_store(
    *, prices_include_tax: bool = True, drinks_rate: float = 0.19, food_rate: float = 0.07
) -> Store:
    products = {
        product_id: Product(
            product_id=product_id,
            gtin=gtin,
            name=name,
            price_minor=price_minor,
            tax_class=tax_class,
            mass_g=mass_g,
            mass_sd_g=mass_g * 0.01,
            width_m=0.07,
            height_m=0.12,
            depth_m=0.07,
        )
        for product_id, gtin, name, price_minor, tax_class, mass_g in PRODUCTS
    }
    shelves = tuple(
        Shelf(
            shelf_id=f"A{level}",
            gondola_id="A",
            level=level,
            height_m=0.4 * level,
            clearance_m=0.35,
            left_m=0.0,
            front_m=0.0,
            width_m=0.4,
            depth_m=0.4,
            plates=tuple(
                Plate(
                    plate_id=f"A{level}.{number:02d}",
                    shelf_id=f"A{level}",
                    left_m=0.1 * (number - 1),
                    width_m=0.1,
                    channel=4 * (level - 1) + number - 1,
                )
                for number in range(1, 5)
            ),
            slots=tuple(
                Slot(
                    slot_id=f"A{level}-{number}",
                    shelf_id=f"A{level}",
                    product_id=product_id,
                    left_m=0.2 * (number - 1),
                    width_m=0.2,
                    facings=2,
                    capacity=8,
                )
                for number, product_id in enumerate(row, start=1)
            ),
        )
        for level, row in ((1, ("cola", "lemonade")), (2, ("bread", "chocolate")))
    )
    gondola = Gondola(
        gondola_id="A",
        scale_id="scale-A",
        origin_floor_m=(1.0, 3.0),
        heading_deg=0.0,
        width_m=0.4,
        depth_m=0.4,
        height_m=1.2,
        rate_hz=60.0,
        shelves=shelves,
    )
    camera = Camera(
        camera_id="cam-1",
        position_floor_m=(1.2, 1.0, 2.5),
        pan_deg=90.0,
        tilt_deg=45.0,
        roll_deg=0.0,
        lens=Lens(640, 360, 480.0, 480.0, 319.5, 179.5),
        main_width_px=1920,
        main_height_px=1080,
        fps=8.0,
    )
    return Store(
        store_id="small",
        name="Small shop",
        timezone="UTC",
        currency="EUR",
        currency_digits=2,
        prices_include_tax=prices_include_tax,
        tax_rates={"drinks": drinks_rate, "food": food_rate},
        jurisdiction="DE",
        ceiling_height_m=2.6,
        plan_floor_m=((0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)),
        walls_floor_m=(),
        gates=(
            Gate(
                gate_id="entry",
                kind="entry",
                left_floor_m=(0.0, 1.5),
                right_floor_m=(0.0, 0.5),
                inside_floor_m=(0.5, 1.0),
            ),
            Gate(
                gate_id="exit",
                kind="exit",
                left_floor_m=(4.0, 0.5),
                right_floor_m=(4.0, 1.5),
                inside_floor_m=(3.5, 1.0),
            ),
        ),
        zones=(),
        gondolas=(gondola,),
        cameras=(camera,),
        products=products,
    )
