# SPDX-License-Identifier: Apache-2.0
"""Exact numbers: fractions in, and the text that Tidemill prints for a rounded quotient out."""

from fractions import Fraction

SIGNIFICANT_DIGITS = 18


def rounded(value: Fraction) -> str:
    """18 significant digits, at most 18 of them behind the point, half to even, without zeros at the end.

    >>> rounded(Fraction(2, 3))
    '0.666666666666666667'
    >>> rounded(Fraction(200, 3))
    '66.6666666666666667'
    >>> rounded(Fraction("61234.50"))
    '61234.5'
    >>> rounded(Fraction(5, 10**19)), rounded(Fraction(15, 10**19))
    ('0', '0.000000000000000002')
    """
    sign = "-" if value < 0 else ""
    value = abs(value)
    whole_digits = len(str(int(value))) if value >= 1 else 0
    places = SIGNIFICANT_DIGITS - whole_digits
    scaled = round(value * Fraction(10) ** places)  # Python rounds a fraction half to even
    if places <= 0:
        return sign + str(scaled * 10**-places)
    whole, behind = divmod(scaled, 10**places)
    text = f"{whole}.{behind:0{places}d}".rstrip("0").rstrip(".")
    return sign + text if text != "0" else "0"


if __name__ == "__main__":
    import doctest

    raise SystemExit(1 if doctest.testmod().failed else 0)
