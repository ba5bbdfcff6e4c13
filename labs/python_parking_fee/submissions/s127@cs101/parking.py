import sys

RATES = [(30, 0)] + [(60 * hour, 2 * hour) for hour in range(1, 9)]


def rate(minutes):
    for limit, price in RATES:
        if minutes <= limit:
            return price
    return 18


def total(minutes):
    full_days = minutes // 1440
    rest = minutes % 1440
    if full_days == 0:
        return rate(minutes)
    if rest == 0:
        return 18 * full_days
    return 18 * full_days + max(2, rate(rest))


minutes = int(sys.stdin.readline())
if minutes < 0:
    print("error")
else:
    print(total(minutes))
