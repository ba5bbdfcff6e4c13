m = int(input())
p = {1: 2, 2: 4, 3: 6, 4: 8, 5: 10, 6: 12, 7: 14, 8: 16, 9: 18}
h = m // 60
if m % 60 > 0: h += 1
if m <= 30: print(0)
else: print(p[h])
