"""Imports what the processes of `tests.harness.processes` need, once, in the process from which they are forked."""
# ruff: noqa: F401

import gc

import torch
from transformers import AutoTokenizer, LlamaForCausalLM

import grader.regrade.regrade
import grader.service.service
import serving.engines.transformers_engine
import serving.jobs.worker
import serving.observer.worker
import tests.harness.byte_tokenizer
import tests.harness.killed_sender
import tests.harness.synthetic_lab

gc.freeze()  # a collection in a forked process would copy all of it
