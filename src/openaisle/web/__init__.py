"""Pages of one shop: who is where, what is in which cart, receipts, latency, health.

In: messages of the path, camera views, statuses. Out: pages and a stream of events for browsers. Never: decisions,
storage, or a picture of a real person.
"""
