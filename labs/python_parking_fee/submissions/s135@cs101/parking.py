def main():
    minutes = int(input())
    if minutes < 0:
        print("error")
        return
    if minutes <= 30:
        print(0)
        return
    hours = 0
    fee = 0
    passed = 0
    while passed < minutes:
        if passed % 1440 == 0:
            hours = 0
        hours += 1
        if hours <= 9:
            fee += 2
        passed += 60
    print(fee)


main()