"""The interface as one HTML page, made from the OpenAPI document; it loads nothing and runs nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from typing import Any

import orjson

from casa.transports.openapi import document
from casa.transports.operations import JsonObject

STYLE = """
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; color: #1c2024;
  background: #fff; }
h2 { margin-top: 2.5rem; border-top: 1px solid #d0d4d9; padding-top: 1rem; }
h2 code { font-size: 1.1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #e4e7ea; }
pre { background: #f4f6f8; padding: .75rem; overflow-x: auto; }
"""
HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
CODE = re.compile("`([^`]+)`")
"""What backticks mark."""
POLICY = f"default-src 'none'; style-src 'sha256-{HASH}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


@cache
def page() -> str:
    """The page."""
    spec = document()
    info = spec["info"]
    calls = [
        _call(path, method, described)
        for path, methods in spec["paths"].items()
        for method, described in methods.items()
    ]
    shapes = [_shape(name, schema) for name, schema in spec["components"]["schemas"].items()]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>'
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>{_told(info['description'])}"
        f'<p>The same as <a href="/docs.json">OpenAPI</a>.</p>{"".join(calls)}'
        f"<h2>Header fields</h2>{_fields(spec['components'])}"
        f"<h2>Shapes</h2>{''.join(shapes)}</body></html>"
    )


def _call(path: str, method: str, described: JsonObject) -> str:
    parts = [
        f"<h2><code>{method.upper()} {escape(path)}</code></h2>",
        f"<p>{_ended(escape(described['summary']))}</p>",
        _told(described["description"]),
        _asked(described.get("requestBody")),
        _table(("status", "what", "holds", "fields"), (_outcome(*item) for item in described["responses"].items())),
    ]
    return "".join(parts)


def _asked(body: JsonObject | None) -> str:
    if not body:
        return ""
    content = body["content"]["application/json"]
    example = orjson.dumps(content["example"], option=orjson.OPT_INDENT_2).decode()
    return f"<p>The body is of the shape {_type(content['schema'])}, for example:</p><pre>{escape(example)}</pre>"


def _outcome(status: str, response: JsonObject) -> tuple[str, str, str, str]:
    kinds = (f"{_type(kind['schema'])} as <code>{escape(media)}</code>" for media, kind in response["content"].items())
    fields = (f"<code>{escape(name)}</code>" for name in response["headers"])
    return status, escape(response["description"]), " or ".join(kinds), ", ".join(fields)


def _fields(components: JsonObject) -> str:
    """What requests and answers hold beside their bodies."""
    asked = [("request", name, rule) for name, rule in components["parameters"].items() if rule["in"] == "header"]
    told = [("answer", name, rule) for name, rule in components["headers"].items()]
    rows = (
        (f"<code>{escape(name)}</code>", of, escape(rule["description"]), _example(rule.get("example")))
        for of, name, rule in (*asked, *told)
    )
    return _table(("name", "of", "meaning", "example"), rows)


def _example(example: str | None) -> str:
    return f"<code>{escape(example)}</code>" if example else ""


def _told(text: str) -> str:
    """Paragraphs."""
    return "".join(f"<p>{part}</p>" for part in _marked(text).split("\n\n"))


def _marked(text: str) -> str:
    return CODE.sub(r"<code>\1</code>", escape(text))


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith("?") else f"{sentence}."


def _shape(name: str, schema: JsonObject) -> str:
    required = schema.get("required", [])
    rows = (
        (
            f"<code>{escape(field)}</code>",
            _type(rule) + ("" if field in required else ", may be left out"),
            _marked(rule.get("description", "")),
        )
        for field, rule in schema["properties"].items()
    )
    described = _told(schema.get("description", ""))
    return f'<h3 id="{escape(name)}">{escape(name)}</h3>{described}{_table(("name", "type", "meaning"), rows)}'


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _type(schema: Mapping[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if "enum" in schema:
        return f"one of {', '.join(f'<code>{escape(str(value))}</code>' for value in schema['enum'])}"
    if "contentMediaType" in schema:
        return "JSON and bytes"
    ends = [f"{word} {schema[key]:g}" for key, word in BOUNDS.items() if key in schema]
    return " ".join([escape(str(schema.get("type", "anything"))), *ends])


BOUNDS = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
