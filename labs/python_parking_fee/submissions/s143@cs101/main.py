def hours_of(minutes):
    if minutes % 60 == 0:
        return minutes / 60
    return minutes / 60 + 1

minutes = int(input())
price = 0
for hour in range(hours_of(minutes)):
    price = price + 2
if minutes < 30:
    price = 0
print(min(price, 18))
