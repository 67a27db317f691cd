"""Child of bench:train: the same training step in plain PyTorch, one for every line of the input.

The first argument is a JSON file that the benchmark wrote: sizes of the model, places of the weights in the mapped file,
and files with the tokens and the adapter's factors.
"""

import json
import math
import sys
import time

import numpy
import torch
from torch.nn import functional

with open(sys.argv[1], encoding="utf8") as file:
    workload = json.load(file)
config = workload["config"]
torch.set_num_threads(workload["threads"])

started = time.perf_counter()
mapped = numpy.memmap(workload["dataFile"], dtype=numpy.float32, mode="c")


def weight(name):
    place = workload["tensors"].get(name)
    if place is None:
        return None
    start = place["byteOffset"] // 4
    values = mapped[start : start + place["byteLength"] // 4]
    return torch.from_numpy(values).view(place["shape"])


def read_factors():
    values = numpy.fromfile(workload["factorsFile"], dtype=numpy.float32)
    factors, start = {}, 0
    for factor in workload["factors"]:
        rows, columns = factor["shape"]
        stretch = values[start : start + rows * columns].reshape(rows, columns).copy()
        factors[factor["name"]] = torch.from_numpy(stretch).requires_grad_()
        start += rows * columns
    return factors


tokens = torch.from_numpy(numpy.fromfile(workload["tokensFile"], dtype=numpy.int32).astype(numpy.int64))
factors = read_factors()
count = len(tokens)
positions = torch.arange(count)[:, None]
pairs = torch.arange(config["rotarySize"] // 2)
angles = positions / config["rotaryScale"] * config["rotaryBase"] ** (-2 * pairs / config["rotarySize"])
cos, sin = angles.cos()[:, None], angles.sin()[:, None]
mask = torch.full((count, count), -math.inf).triu(1)


def norm(x, name):
    mean = x.pow(2).mean(-1, keepdim=True)
    return x * torch.rsqrt(mean + config["normEpsilon"]) * weight(name)


def project(x, layer, module):
    name = workload["linear"][f"{layer}.{module}"]
    y = functional.linear(x, weight(name), weight(name.replace(".weight", ".bias")))
    down, up = factors.get(f"{layer}.{module}.down"), factors.get(f"{layer}.{module}.up")
    if down is None:
        return y
    dropped = functional.dropout(x, workload["dropout"]) if workload["dropout"] > 0 else x
    return y + workload["scaling"] * functional.linear(functional.linear(dropped, down), up)


def turn(x):
    size = config["rotarySize"]
    rotary, rest = x[..., :size], x[..., size:]
    if config["rotaryPairs"] == "neighbours":
        a, b = rotary[..., 0::2], rotary[..., 1::2]
        turned = torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)
    else:
        a, b = rotary.chunk(2, -1)
        turned = torch.cat([a * cos - b * sin, a * sin + b * cos], -1)
    return torch.cat([turned, rest], -1)


def attend(x, layer):
    heads, shared, size = config["headCount"], config["keyValueHeadCount"], config["headSize"]
    q = project(x, layer, "q_proj").view(count, heads, size)
    k = project(x, layer, "k_proj").view(count, shared, size)
    v = project(x, layer, "v_proj").view(count, shared, size)
    if config["hasHeadNorm"]:
        q, k = norm(q, f"blk.{layer}.attn_q_norm.weight"), norm(k, f"blk.{layer}.attn_k_norm.weight")
    q, k = turn(q).transpose(0, 1), turn(k).transpose(0, 1).repeat_interleave(heads // shared, 0)
    v = v.transpose(0, 1).repeat_interleave(heads // shared, 0)
    scores = q @ k.transpose(1, 2) / math.sqrt(size) + mask
    mixed = (scores.softmax(-1) @ v).transpose(0, 1).reshape(count, heads * size)
    return project(mixed, layer, "o_proj")


def compute_loss():
    stream = weight("token_embd.weight")[tokens]
    for layer in range(config["layerCount"]):
        stream = stream + attend(norm(stream, f"blk.{layer}.attn_norm.weight"), layer)
        x = norm(stream, f"blk.{layer}.ffn_norm.weight")
        gated = functional.silu(project(x, layer, "gate_proj")) * project(x, layer, "up_proj")
        stream = stream + project(gated, layer, "down_proj")
    states = norm(stream[:-1], "output_norm.weight")
    head = weight("output.weight")
    logits = functional.linear(states, weight("token_embd.weight") if head is None else head)
    return functional.cross_entropy(logits, tokens[1:])


options = workload["optimiser"]
optimiser = torch.optim.AdamW(
    factors.values(), lr=options["learningRate"], weight_decay=options["weightDecay"]
)
print(json.dumps({"loadSeconds": time.perf_counter() - started}), flush=True)
for _ in sys.stdin:
    started, cpu_started = time.perf_counter(), time.process_time()
    optimiser.zero_grad(set_to_none=True)
    loss = compute_loss()
    loss.backward()
    gradient_norm = torch.nn.utils.clip_grad_norm_(factors.values(), options["maxGradientNorm"])
    optimiser.step()
    answer = {
        "runSeconds": time.perf_counter() - started,
        "cpuSeconds": time.process_time() - cpu_started,
        "loss": loss.item(),
        "gradientNorm": gradient_norm.item(),
    }
    print(json.dumps(answer), flush=True)
