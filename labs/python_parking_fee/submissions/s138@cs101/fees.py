PRICES = [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]


def started_hours(minutes):
    hours = minutes // 60
    if minutes % 60:
        hours += 1
    return hours


def look_up(minutes):
    if minutes <= 30:
        return 0
    return PRICES[started_hours(minutes)]


print(look_up(int(input())))
