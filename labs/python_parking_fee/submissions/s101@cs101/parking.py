"""Parking fee for a stay given in minutes."""

FREE_MINUTES = 30
PRICE_PER_HOUR = 2
PRICE_PER_DAY = 18
MINUTES_PER_DAY = 24 * 60


def started_hours(minutes):
    return (minutes + 59) // 60


def fee(minutes):
    if minutes <= FREE_MINUTES:
        return 0
    days, rest = divmod(minutes, MINUTES_PER_DAY)
    return days * PRICE_PER_DAY + min(PRICE_PER_DAY, PRICE_PER_HOUR * started_hours(rest))


def main():
    minutes = int(input())
    print("error" if minutes < 0 else fee(minutes))


main()
