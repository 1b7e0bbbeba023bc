"""The changes of the tables, oldest first.

In: a database of any earlier version. Out: one of the newest. Never: a change that loses what a receipt needs.
"""
