minutes = int(input())
hours = minutes // 60
if minutes % 60 != 0:
hours = hours + 1
if minutes <= 30:
    fee = 0
else:
    fee = hours * 2
print(fee)
