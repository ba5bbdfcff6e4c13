"""What a trainer has counted and not yet logged, kept in its checkpoints: a resumed run's log goes on as if nothing had
happened. Knows no stage and no loss."""

import json
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

FILE = "log_state.json"


class LogState(TrainerCallback):  # type: ignore[misc]
    """Stands after the callbacks that clear metrics and before the one that seals checkpoints.

    The processes' losses are kept as their mean, so that any number of processes can go on.
    """

    def __init__(self, trainer: Any, checkpoint: Path | None) -> None:
        self.trainer, self.checkpoint = trainer, checkpoint

    def on_save(self, args: Any, state: Any, _control: Any, **_: Any) -> None:
        trainer = self.trainer
        loss = trainer.accelerator.reduce(trainer._tr_loss.clone(), reduction="mean").item()
        if not state.is_world_process_zero:
            return
        held = {
            "loss": loss,
            "last_logged": trainer._globalstep_last_logged,
            "tokens": trainer._total_train_tokens,
            "metrics": trainer._metrics["train"],
        }
        (Path(args.output_dir) / f"checkpoint-{state.global_step}" / FILE).write_text(json.dumps(held))

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        if self.checkpoint is None or not (self.checkpoint / FILE).is_file():
            return
        held, trainer = json.loads((self.checkpoint / FILE).read_text()), self.trainer
        trainer._tr_loss.fill_(held["loss"])
        trainer._globalstep_last_logged = held["last_logged"]
        trainer._total_train_tokens = held["tokens"]
        trainer._metrics["train"].update(held["metrics"])
