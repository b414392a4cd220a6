"""json_validate.py SCHEMA FILE [lines]: whether a file is what a schema of docs/json says, and nothing else; with `lines`, whether
each of its lines is what "line" of the schema says. Prints the first thing that is wrong and exits with 1."""

import json
import sys

import jsonschema


def close_objects(schema):
    """Refuses members that the schema does not name: for the reader they are allowed, since members may be added."""
    if isinstance(schema, dict):
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for part in schema.values():
            close_objects(part)
    elif isinstance(schema, list):
        for part in schema:
            close_objects(part)


def refuse_constant(name):
    raise ValueError(f"{name} is no JSON")


def main():
    schema_file, file = sys.argv[1:3]
    with open(schema_file, encoding="utf-8") as stream:
        schema = json.load(stream)
    close_objects(schema)
    with open(file, encoding="utf-8") as stream:
        text = stream.read()
    pieces = [text]
    if sys.argv[3:] == ["lines"]:
        pieces = text.splitlines()
        schema = {"$ref": "#/$defs/line", "$defs": schema["$defs"]}
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    if not pieces:
        sys.exit(f"{file}: nothing to look at")
    for piece in pieces:
        try:
            value = json.loads(piece, parse_constant=refuse_constant)
        except ValueError as problem:
            sys.exit(f"{file}: {problem}")
        for problem in validator.iter_errors(value):
            sys.exit(f"{file}: {problem.json_path}: {jsonschema.exceptions.best_match([problem]).message[:500]}")


main()
