"""How the database came to be as it is: one file a change of the tables, run in order by Alembic.

In: a database of any earlier version. Out: one of the newest. Never: a change that loses what a receipt needs.
"""
