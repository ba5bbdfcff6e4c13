"""What grading costs in tokens, seconds and money, before it is run and after. Knows no engine and no model."""

from labs_schema.frozen import Frozen


class Cost(Frozen):
    """Grading `submissions` submissions with `questions` criteria in all.

    `prompt_tokens`: all prompts, whole. `read_tokens`: what the engine computes, a shared beginning counted once.
    `written_tokens`: of the answers. `overlong`: submissions that do not fit and are left for a person.
    `load_seconds` and `seconds`: to load the model and to grade, None where nobody has measured them; `measured` is
    False where `seconds` was worked out from another run's speed. `price_per_hour`: of the machine, in any currency.
    """

    submissions: int
    questions: int
    prompt_tokens: int
    read_tokens: int
    written_tokens: int = 0
    overlong: int = 0
    load_seconds: float | None = None
    seconds: float | None = None
    measured: bool = True
    price_per_hour: float | None = None

    @property
    def money(self) -> float | None:
        """Price of loading and grading together; None where a part of it is not known."""
        if self.seconds is None or self.price_per_hour is None:
            return None
        return (self.seconds + (self.load_seconds or 0.0)) / 3600 * self.price_per_hour
