"""A small server of OpenAI's completions in front of transformers' `generate`, with vLLM's options for adapters.

python -m tests.cases.completions_server MODEL --port N [--texts-only] [--ends-after N]
"""

from __future__ import annotations

import argparse
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("--port", type=int)
parser.add_argument("--texts-only", action="store_true")
parser.add_argument("--ends-after", type=int, default=10**9)
parser.add_argument("--enable-lora", action="store_true")
parser.add_argument("--max-lora-rank", type=int)
parser.add_argument("--lora-modules", nargs="*", default=[])
OPTIONS = parser.parse_args()

torch.set_num_threads(1)
TOKENIZER = AutoTokenizer.from_pretrained(OPTIONS.model)
MODELS = {OPTIONS.model: AutoModelForCausalLM.from_pretrained(OPTIONS.model)}
for pair in OPTIONS.lora_modules:
    from peft import PeftModel

    name, directory = pair.split("=")
    MODELS[name] = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(OPTIONS.model), directory)
LOCK = threading.Lock()
ANSWERED = 0


class Handler(BaseHTTPRequestHandler):
    """Answers POST /v1/completions; any other address is not found."""

    def do_GET(self) -> None:
        self.send_error(404)

    def do_POST(self) -> None:
        global ANSWERED
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if OPTIONS.texts_only and not isinstance(asked["prompt"], str):
            self.reply(400, {"error": {"message": "prompt must be a string."}})
            return
        with LOCK:
            if OPTIONS.ends_after == ANSWERED:
                os._exit(3)
            ANSWERED += 1
            self.reply(200, complete(**asked))

    def reply(self, status: int, content: dict) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_unused) -> None:
        pass


def complete(model: str, prompt: str | list[int], max_tokens: int, temperature: float, top_p: float, seed: int) -> dict:
    """Return a completion in OpenAI's layout; its tokens count the end of sequence, as vLLM counts them."""
    tokens = TOKENIZER(prompt)["input_ids"] if isinstance(prompt, str) else prompt
    drawn = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0} if temperature else {}
    torch.manual_seed(seed)
    end = TOKENIZER.eos_token_id
    said = MODELS[model].generate(
        input_ids=torch.tensor([tokens]), max_new_tokens=max_tokens, eos_token_id=end, pad_token_id=0,
        **{"do_sample": False, **drawn},
    )[0, len(tokens) :].tolist()  # fmt: skip
    choice = {
        "index": 0,
        "text": TOKENIZER.decode(said, skip_special_tokens=True),
        "finish_reason": "stop" if said[-1] == end else "length",
    }
    usage = {"prompt_tokens": len(tokens), "completion_tokens": len(said), "total_tokens": len(tokens) + len(said)}
    return {"id": "0", "object": "text_completion", "created": 0, "model": model, "choices": [choice], "usage": usage}


ThreadingHTTPServer(("127.0.0.1", OPTIONS.port), Handler).serve_forever()
