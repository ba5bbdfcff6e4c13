m=int(input())
h=m/60
f=h*2
if f>18: f=18
print(f)
