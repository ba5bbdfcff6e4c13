import math


def parking_fee(minutes):
    if minutes < 0:
        return "error"
    if minutes <= 30:
        return 0
    days = minutes // 1440
    rest = minutes % 1440
    return days * 18 + min(math.ceil(rest / 60) * 2, 18)


print(parking_fee(int(input())))
