def Fee(t):
  if t<0: return "error"
  if t=<30: return 0
  h=(t+59)//60
  return min(18,h*2)
print(Fee(int(input())))
