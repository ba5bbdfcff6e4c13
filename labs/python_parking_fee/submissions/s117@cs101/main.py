minutes = int(input())
if minutes < 0:
    print("error")
elif minutes <= 30:
    print(0)
else:
    hours = minutes // 60 + 1; fee = hours * 2
    if fee > 18: fee = 18
    print(fee)
