def main():
    minutes = int(input())
    if minutes < 0:
        print("error")
    elif minutes <= 30:
        print(0)
    elif minutes <= 60:
        print(2)
    elif minutes <= 120:
        print(4)
    elif minutes <= 180:
        print(6)
    elif minutes <= 240:
        print(8)
    elif minutes <= 300:
        print(10)
    elif minutes <= 360:
        print(12)
    elif minutes <= 420:
        print(14)
    elif minutes <= 480:
        print(16)
    elif minutes <= 1440:
        print(18)
    elif minutes <= 1500:
        print(20)
    elif minutes <= 1560:
        print(22)
    elif minutes <= 1620:
        print(24)
    elif minutes <= 1680:
        print(26)
    elif minutes <= 1740:
        print(28)
    elif minutes <= 1800:
        print(30)
    elif minutes <= 1860:
        print(32)
    elif minutes <= 1920:
        print(34)
    elif minutes <= 2880:
        print(36)
    elif minutes <= 2940:
        print(38)
    elif minutes <= 3000:
        print(40)
    elif minutes <= 3060:
        print(42)
    elif minutes <= 3120:
        print(44)
    elif minutes <= 3180:
        print(46)
    elif minutes <= 3240:
        print(48)
    elif minutes <= 3300:
        print(50)
    elif minutes <= 3360:
        print(52)
    elif minutes <= 4320:
        print(54)
    else:
        print("too long")


main()
