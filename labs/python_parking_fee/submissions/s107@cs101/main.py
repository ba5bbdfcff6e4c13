minutes = int(input("How many minutes did you park? "))
hours = minutes // 60
if minutes % 60 > 0:
    hours = hours + 1
price = hours * 2
if price > 18:
    price = 18
if minutes <= 30:
    price = 0
print("You have to pay", price, "euros")
