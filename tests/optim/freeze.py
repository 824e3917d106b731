"""Writes frozen.json, the reference numbers of the tests, with PyTorch on the CPU in float64.

Run by hand, `python freeze.py`, where PyTorch is installed; the tests themselves do not need it.
"""

import json
import re
from pathlib import Path

import descent_problem as problem
import torch
from torch import optim
from torch.optim import lr_scheduler

RULES = {
    "sgd": (0.05, optim.SGD, {}),
    "momentum": (0.02, optim.SGD, {"momentum": 0.9}),
    "nesterov": (0.02, optim.SGD, {"momentum": 0.8, "nesterov": True}),
    "adagrad": (0.1, optim.Adagrad, {}),
    "adagrad-epsilon": (0.1, optim.Adagrad, {"eps": 0.1}),
    "rmsprop": (0.02, optim.RMSprop, {}),
    "rmsprop-momentum": (0.02, optim.RMSprop, {"alpha": 0.8, "eps": 0.01, "momentum": 0.5}),
    "rmsprop-centered": (0.01, optim.RMSprop, {"alpha": 0.9, "eps": 0.01, "centered": True}),
    "rmsprop-both": (
        0.01,
        optim.RMSprop,
        {"alpha": 0.9, "eps": 0.01, "centered": True, "momentum": 0.5},
    ),
    "adadelta": (1.0, optim.Adadelta, {}),
    "adadelta-settings": (0.5, optim.Adadelta, {"rho": 0.8, "eps": 0.001}),
    "adam": (0.05, optim.Adam, {}),
    "adam-settings": (0.05, optim.Adam, {"betas": (0.8, 0.95), "eps": 0.01}),
    "amsgrad": (0.05, optim.Adam, {"amsgrad": True, "betas": (0.9, 0.8)}),
    "adamw": (0.05, optim.AdamW, {}),
    "adamw-settings": (0.05, optim.AdamW, {"weight_decay": 0.3, "betas": (0.8, 0.95)}),
    "adamw-amsgrad": (0.05, optim.AdamW, {"amsgrad": True, "betas": (0.9, 0.8)}),
    "sgd-l2": (0.05, optim.SGD, {"weight_decay": 0.2}),
    "momentum-l2": (0.02, optim.SGD, {"momentum": 0.9, "weight_decay": 0.2}),
    "nesterov-l2": (0.02, optim.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.2}),
    "adagrad-l2": (0.1, optim.Adagrad, {"weight_decay": 0.2}),
    "rmsprop-l2": (0.02, optim.RMSprop, {"weight_decay": 0.2}),
    "adadelta-l2": (1.0, optim.Adadelta, {"weight_decay": 0.2}),
    "adam-l2": (0.05, optim.Adam, {"weight_decay": 0.2}),
    "clipped-by-value": (0.05, optim.SGD, {"momentum": 0.9}),
}


def tensor(value):
    return torch.tensor(value, dtype=torch.float64)


def trajectory(name, base, make, settings):
    params = {key: tensor(value).requires_grad_() for key, value in problem.START.items()}
    rule, found = make(params.values(), lr=base, **settings), {}
    for step in range(1, problem.STEPS + 1):
        for key, w in params.items():
            w.grad = problem.gradient(key, w.detach(), step, tensor)
        if name == "clipped-by-value":
            torch.nn.utils.clip_grad_value_(params.values(), 0.25)
        rule.param_groups[0]["lr"] = problem.learning_rate(base, step)
        rule.step()
        if step in problem.RECORDED:
            found[str(step)] = {key: w.tolist() for key, w in params.items()}
    return found


def clipped_by_norm(limit):
    params = {key: tensor(value).requires_grad_() for key, value in problem.START.items()}
    for key, w in params.items():
        w.grad = problem.gradient(key, w.detach(), 1, tensor)
    norm = float(torch.nn.utils.clip_grad_norm_(params.values(), limit))
    return {"norm": norm, "gradients": {key: w.grad.tolist() for key, w in params.items()}}


def factors(make, steps):
    """The learning rates, from 1, of a scheduler that is stepped once per update."""
    rule = optim.SGD([tensor([0.0]).requires_grad_()], lr=1.0)
    schedule, found = make(rule), []
    for _ in range(steps):
        found.append(rule.param_groups[0]["lr"])
        rule.step()
        schedule.step()
    return found


def warm_up(rule):
    rise = lr_scheduler.LinearLR(rule, start_factor=1 / 5, total_iters=4)
    fall = lr_scheduler.CosineAnnealingLR(rule, T_max=10)
    return lr_scheduler.SequentialLR(rule, [rise, fall], milestones=[5])


SCHEDULES = {
    "step": lambda rule: lr_scheduler.StepLR(rule, 4, gamma=0.3),
    "exponential": lambda rule: lr_scheduler.ExponentialLR(rule, gamma=0.9),
    "cosine": lambda rule: lr_scheduler.CosineAnnealingLR(rule, T_max=15),
    "restarts": lambda rule: lr_scheduler.CosineAnnealingWarmRestarts(rule, 3, 2, eta_min=0.1),
    "warmup": warm_up,
    "one-cycle": lambda rule: lr_scheduler.OneCycleLR(rule, max_lr=1.0, total_steps=15),
    "one-cycle-settings": lambda rule: lr_scheduler.OneCycleLR(
        rule, max_lr=1.0, total_steps=15, pct_start=0.45, div_factor=10, final_div_factor=100
    ),
}


def plateau(values):
    """The learning rates, from 1, after each of some losses."""
    rule = optim.SGD([tensor([0.0]).requires_grad_()], lr=1.0)
    schedule = lr_scheduler.ReduceLROnPlateau(
        rule, factor=0.5, patience=2, threshold=0.05, threshold_mode="abs", min_lr=0.02, eps=0
    )
    found = []
    for value in values:
        schedule.step(value)
        found.append(rule.param_groups[0]["lr"])
    return found


def main():
    frozen = {
        "made with": f"PyTorch {torch.__version__.split('+')[0]} on the CPU in float64",
        "trajectories": {name: trajectory(name, *rest) for name, rest in RULES.items()},
        "clipped by norm": clipped_by_norm(0.5),
        "plateau": {"factors": plateau(problem.losses())},
        "schedules": {name: factors(make, 15) for name, make in SCHEDULES.items()},
    }
    text = re.sub(r"\n {3,}", " ", json.dumps(frozen, indent=1)) + "\n"
    Path(__file__).with_name("frozen.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
