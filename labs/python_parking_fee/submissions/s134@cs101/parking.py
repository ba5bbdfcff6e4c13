minutes = int(input())
free = 30
if minutes <= free:
    print(0)
else:
    print(hours * 2)
