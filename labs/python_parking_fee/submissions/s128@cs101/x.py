a=int(input());b=0;c=0
if a<0: print("error")
else:
  if a>30:
      b=a//1440; c=a%1440
      d=c//60
      if c%60: d+=1
      e=d*2
      if e>18: e=18
      print(b*18+e)
  else: print(0)
