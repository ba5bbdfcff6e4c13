text = input()
minutes = int(text)
if minutes < 0:
    print("error")
if minutes <= 30:
    fee = 0
if minutes > 30 and minutes <= 540:
    h = minutes // 60; r = minutes % 60
    if r > 0: h = h + 1
    fee = h * 2
if minutes > 540 and minutes < 1440:
    fee = 18
if minutes >= 0: print(fee)
