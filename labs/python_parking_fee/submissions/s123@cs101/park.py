total = 0
minutes = int(input())
minutes = minutes - 30
while minutes > 0:
    total = total + 2
    minutes = minutes - 60
print(total)
