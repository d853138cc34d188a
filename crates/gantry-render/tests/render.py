"""Renders templates with Python's Jinja2: a JSON object a line in, one a line out."""

import json
import sys

from jinja2 import Environment, StrictUndefined

environment = Environment(undefined=StrictUndefined)
for line in sys.stdin:
    case = json.loads(line)
    try:
        context = case.get("context")
        if "file" in case:
            import yaml

            with open(case["file"]) as file:
                context = yaml.safe_load(file)
        text = environment.from_string(case["template"]).render(context)
        answer = {"text": text}
    except Exception as error:  # noqa: BLE001 - whatever it is, it is no text
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
