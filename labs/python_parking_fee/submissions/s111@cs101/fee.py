n = int(input())
if n < 30:
    print(0)
elif n < 60:
    print(2)
elif n < 120:
    print(4)
elif n < 180:
    print(6)
elif n < 240:
    print(8)
elif n < 300:
    print(10)
elif n < 360:
    print(12)
elif n < 420:
    print(14)
elif n < 480:
    print(16)
else:
    print(18)
