minutes = int(input())
if minutes < 0:
    print("Error: negative number!")
elif minutes <= 30:
    print("free")
else:
    hours = minutes / 60
    if hours > int(hours):
        hours = int(hours) + 1
    price = hours * 2.0
    if price > 18:
        price = 18.0
    print(price)
