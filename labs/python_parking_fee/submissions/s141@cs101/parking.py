def fee(minutes):
    if minutes > 1440:
        return 18 + fee(minutes - 1440)
    if minutes > 540:
        return 18
    if minutes <= 30:
        return 0
    return 2 + fee(minutes - 60)

x = int(input())
if x < 0: print("error")
else: print(fee(x))
