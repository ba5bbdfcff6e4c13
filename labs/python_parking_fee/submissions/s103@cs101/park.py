t = int(input())
if t <= 30: print(0)
else:
    h = t // 60
    print(h * 2)
