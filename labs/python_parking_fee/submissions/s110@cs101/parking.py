"""Reads a number of minutes and prints what the stay costs."""


def read_minutes():
    return int(input())


def cost_of_day(minutes):
    """Cost of less than a day, in euros."""
    hours = minutes // 60
    if minutes % 60 != 0:
        hours += 1
    return min(2 * hours, 18)


def cost(minutes):
    total = 0
    while minutes >= 1440:
        total += 18
        minutes -= 1440
    return total + cost_of_day(minutes)


def main():
    minutes = read_minutes()
    if minutes < 0:
        print("error")
    elif minutes <= 30:
        print(0)
    else:
        print(cost(minutes))


if __name__ == "__main__":
    main()
