def fee(minutes)
    if minutes < 0:
        return "error"
    if minutes <= 30:
        return 0
    hours = (minutes + 59) // 60
    return min(hours * 2, 18)

print(fee(int(input())))
