def get_hours(minutes):
    hours = minutes // 60
    if minutes % 60 > 0:
        hours += 1
    return hours


def get_fee(minutes):
    if minutes <= 30:
        return 0
    fee = get_hours(minutes) * 2
    if fee > 18:
        fee = 18
    return fee


print(get_fee(int(input())))
