"""How every command is told which engine to use."""

from typing import Annotated

import typer

from serving.engines.engine_choice import EngineName

Engine = Annotated[
    EngineName,
    typer.Option(
        metavar="ENGINE",
        help="vllm, transformers, or addresses of running vLLM servers, such as http://gpu1:8001,http://gpu2:8001; "
        "auto takes vllm where it is installed. On CPUs vllm-compiled starts some ten seconds later and is then a "
        "twelfth faster; it needs a C++ compiler.",
    ),
]
