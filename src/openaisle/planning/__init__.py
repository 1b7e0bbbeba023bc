"""From an empty floor to a plan that can be signed: scope in; store folder, cameras, cost and a report out.

In: a scope file of one page. Out: a plan folder (scope, store, results as JSON, HTML and PDF).
Never: a figure without its source, or a claim about views that only its own geometry has checked.
"""
