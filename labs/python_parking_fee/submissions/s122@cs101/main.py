def calculate(minutes):
	if minutes <= 30:
	    price = 0
	else:
	    hours = round(minutes / 60)
	    price = hours * 2
	return price

def show(p): print(p)

minutes = int(input())
price = calculate(minutes)
show(price)
