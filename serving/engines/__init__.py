"""Inference engines behind one protocol: vLLM, transformers, and vLLM servers over HTTP."""
