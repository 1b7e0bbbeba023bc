"""Which row goes with which column so that the total benefit is largest, when most pairs are out of the question.

Shortest augmenting paths with dual prices (Jonker & Volgenant 1987) over the pairs that are left alone, as for sparse
problems in Volgenant 1996. A row may stay alone at a benefit of 0.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def assign(starts, columns, benefits, column_count):
    """Column of each row, or -1.

    Pairs of row i are `columns[starts[i]:starts[i + 1]]` with `benefits` above 0 at the same places. Equal totals are
    decided by the order of the rows and of their pairs, so that the same problem has the same answer.
    """
    rows = len(starts) - 1
    # The last `rows` columns are each row's own "nobody".
    everyone = column_count + rows
    price = np.zeros(everyone)
    value = np.empty(rows)
    row_of = np.full(everyone, -1, np.int64)
    column_of = np.full(rows, -1, np.int64)
    for i in range(rows):
        best, at = 0.0, column_count + i
        for e in range(starts[i], starts[i + 1]):
            if benefits[e] > best:
                best, at = benefits[e], columns[e]
        value[i] = -best
        if row_of[at] < 0:
            row_of[at], column_of[i] = i, at
    distance = np.full(everyone, np.inf)
    before = np.empty(everyone, np.int64)
    is_done = np.zeros(everyone, np.bool_)
    touched = np.empty(everyone, np.int64)
    for i in range(rows):
        if column_of[i] < 0:
            _augment(
                i, starts, columns, benefits, column_count,
                price, value, row_of, column_of, distance, before, is_done, touched,
            )  # fmt: skip
    for i in range(rows):
        if column_of[i] >= column_count:
            column_of[i] = -1
    return column_of


@njit(cache=True)
def _augment(
    first, starts, columns, benefits, column_count,
    price, value, row_of, column_of, distance, before, is_done, touched,
) -> None:  # fmt: skip
    row, base, count = first, 0.0, 0
    while True:
        for e in range(starts[row], starts[row + 1] + 1):
            if e < starts[row + 1]:
                column, cost = columns[e], -benefits[e]
            else:
                column, cost = column_count + row, 0.0
            if is_done[column]:
                continue
            length = base + cost - value[row] - price[column]
            if length < distance[column]:
                if distance[column] == np.inf:
                    touched[count] = column
                    count += 1
                distance[column] = length
                before[column] = row
        base, end = np.inf, -1
        for k in range(count):
            column = touched[k]
            if not is_done[column] and distance[column] < base:
                base, end = distance[column], column
        if row_of[end] < 0:
            break
        is_done[end] = True
        row = row_of[end]
    value[first] += base
    for k in range(count):
        column = touched[k]
        if is_done[column]:
            price[column] += distance[column] - base
            value[row_of[column]] += base - distance[column]
        distance[column] = np.inf
        is_done[column] = False
    column = end
    while True:
        row = before[column]
        following = column_of[row]
        row_of[column], column_of[row] = row, column
        if row == first:
            break
        column = following


@njit(cache=True)
def assign_dense(benefits):
    """As `assign`, of a whole table [rows, columns]; what is not above 0 is out of the question."""
    rows, column_count = benefits.shape
    starts = np.zeros(rows + 1, np.int64)
    columns = np.empty(rows * column_count, np.int64)
    kept = np.empty(rows * column_count)
    count = 0
    for i in range(rows):
        for j in range(column_count):
            if benefits[i, j] > 0.0:
                columns[count], kept[count] = j, benefits[i, j]
                count += 1
        starts[i + 1] = count
    return assign(starts, columns[:count], kept[:count], column_count)
