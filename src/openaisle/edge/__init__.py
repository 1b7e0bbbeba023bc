"""The processes of a live shop: one supervisor, and beside it broker, vision, core, pages, and in a demo the simulator.

In: a store folder and the doors it names. Out: receipts, pages, a recording. Never: a decision about goods or people;
those are the rooms', which run in core alone. Vision writes nothing to disk.
"""
