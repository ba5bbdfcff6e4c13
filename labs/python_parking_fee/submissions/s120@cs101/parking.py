import math

minutes = int(input())
hours = math.ceil(minutes / 60)
if hours > 9:
    hours = 9
if minutes <= 30:
    print("0")
else:
    print(hours * 2)
