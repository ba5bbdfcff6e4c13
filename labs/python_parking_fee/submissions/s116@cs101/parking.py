def fee(m):
	if m < 0:
		return "error"
	if m <= 30:
		return 0
	d = m // 1440
	r = m % 1440
	h = r // 60 + (1 if r % 60 else 0)
	return d * 18 + min(18, h * 2)
print(fee(int(input())))