"""Boot reports against their schema."""
import json

from jsonschema import Draft202012Validator

from images import ROOT

SCHEMA = ROOT / "initramfs/report.schema.json"


def report_errors(path):
    """What is wrong with the report in a file, a line each."""
    schema = json.loads(SCHEMA.read_text())
    Draft202012Validator.check_schema(schema)
    try:
        report = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        return [f"report {path.name}: {error}"]
    errors = sorted(Draft202012Validator(schema).iter_errors(report), key=lambda error: error.json_path)
    return [f"report {path.name}: {error.json_path}: {error.message[:200]}" for error in errors]
