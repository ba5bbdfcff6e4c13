FREE_MINUTES, DAY_MINUTES = 30, 24 * 60
HOUR_FEE, DAY_FEE = 2, 18


def fee(minutes: int) -> int:
    if minutes <= FREE_MINUTES:
        return 0
    days, rest = divmod(minutes, DAY_MINUTES)
    started_hours = -(-rest // 60)
    return days * DAY_FEE + min(DAY_FEE, started_hours * HOUR_FEE)


stay = int(input())
print("error" if stay < 0 else fee(stay))  # noqa: T201
