"""Imports what most processes of tests need, once, in the process from which `forking.start` forks them."""
# ruff: noqa: F401

import gc

import torch
from transformers import AutoTokenizer, LlamaForCausalLM

import grader.regrade.regrade
import grader.service.service
import serving.engines.transformers_engine
import serving.jobs.worker
import serving.observer.worker
import tests.harness.courses.synthetic_lab
import tests.harness.models.byte_tokenizer
import tests.harness.processes.killed_sender

gc.freeze()  # a collection in a forked process would copy all of it
