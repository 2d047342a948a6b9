"""Exact bounds of a proportion."""

from scipy.stats import beta


def clopper_pearson(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a probability of which k of n trials succeeded.

    Each end leaves (1 - level) / 2 beyond it (Clopper and Pearson, Biometrika 26, 1934),
    so that 0 of n is not 0: its upper end at 95 % is about 3.7 / n.

    Raises:
        ValueError: k is not from 0 to n, or n is 0.
    """
    if not 0 <= k <= n or n < 1:
        raise ValueError(f"{k} of {n}: must be from 0 to n, with n at least 1")
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, k, n - k + 1)) if k else 0.0
    high = float(beta.ppf(1 - tail, k + 1, n - k)) if k < n else 1.0
    return low, high
