"""Threads keep the order, the errors and the bound on what is read ahead."""

import time

import pytest

from synthjax.data.parallel import ordered_map


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_order_is_kept(workers):
    def slow_first(item):
        time.sleep(0.02 if item % 5 == 0 else 0)
        return item * 2

    assert list(ordered_map(slow_first, range(23), workers)) == list(range(0, 46, 2))


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_surfaces_at_its_item(workers):
    def fails(item):
        if item == 4:
            raise ValueError("item four")
        return item

    results = ordered_map(fails, range(9), workers)
    assert [next(results) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="item four"):
        next(results)


def test_little_is_read_ahead():
    taken = []

    def items():
        for item in range(1000):
            taken.append(item)
            yield item

    results = ordered_map(lambda item: item, items(), 2)
    next(results)
    assert len(taken) <= 8
    results.close()
