DAY = 1440


def capped(price):
    return 18 if price > 18 else price


def fee(minutes):
    """Fee in euros, day by day."""
    if minutes > DAY:
        return 18 + fee(minutes - DAY)
    hours = -(-minutes // 60)
    return capped(2 * hours)


minutes = int(input())
if minutes < 0:
    print("error")
elif minutes <= 30:
    print(0)
else:
    print(fee(minutes))
