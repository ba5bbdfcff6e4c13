class Stay:
    """A stay in the car park."""

    FREE = 30
    DAY = 24 * 60

    def __init__(self, minutes):
        self.minutes = minutes

    def hours(self):
        return (self.minutes % self.DAY + 59) // 60

    def price(self):
        if self.minutes < 0:
            raise ValueError("negative stay")
        if self.minutes <= self.FREE:
            return 0
        return self.minutes // self.DAY * 18 + min(18, 2 * self.hours())


print(Stay(int(input())).price())
