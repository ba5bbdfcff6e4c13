minutes = int(raw_input())
if minutes < 0:
    print "error"
elif minutes <= 30:
    print 0
else:
    hours = (minutes + 59) / 60
    days = hours / 24
    print days * 18 + min(hours % 24 * 2, 18)
